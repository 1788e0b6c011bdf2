import type { OmgError } from '@omg/errors';
import type { AllowanceKeeper } from './allowance-keeper.ts';

/** The account partitions that this process owns at the moment. */
export class AllowanceOffices {
  readonly #keepers = new Map<number, AllowanceKeeper>();
  readonly #notOwner: (partition: number) => OmgError;

  /** `notOwner` says who owns the partition instead. */
  constructor(notOwner: (partition: number) => OmgError) {
    this.#notOwner = notOwner;
  }

  get all(): Iterable<AllowanceKeeper> {
    return this.#keepers.values();
  }

  get(partition: number): AllowanceKeeper {
    const keeper = this.#keepers.get(partition);
    if (keeper?.isMine === true) return keeper;
    throw this.#notOwner(partition);
  }

  /** Where the partition is owned, if not here; empty where that is not known. */
  addressOf(partition: number): string {
    return this.#notOwner(partition).details['address'] ?? '';
  }

  /** As long as the work goes on; then the keeper is closed. */
  async with(keeper: AllowanceKeeper, work: () => Promise<void>): Promise<void> {
    const { partition } = keeper;
    this.#keepers.set(partition, keeper);
    try {
      await work();
    } finally {
      if (this.#keepers.get(partition) === keeper) this.#keepers.delete(partition);
      keeper.close();
    }
  }
}
