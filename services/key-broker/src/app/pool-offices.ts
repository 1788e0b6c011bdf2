import { OmgError } from '@omg/errors';
import type { ProviderSpec } from '../domain/provider-registry.ts';
import type { PoolKeeper } from './pool-keeper.ts';
import type { PoolOffices } from './pool-office.ts';

export interface OfficesOptions {
  readonly specs: readonly ProviderSpec[];
  /** Says who owns the pool instead. */
  readonly notOwner: (provider: string) => OmgError;
}

/** The pools that this process owns at the moment. */
export class Offices implements PoolOffices {
  readonly #options: OfficesOptions;
  readonly #keepers = new Map<string, PoolKeeper>();

  constructor(options: OfficesOptions) {
    this.#options = options;
  }

  get specs(): readonly ProviderSpec[] {
    return this.#options.specs;
  }

  get all(): Iterable<PoolKeeper> {
    return this.#keepers.values();
  }

  get(provider: string): PoolKeeper {
    const { specs, notOwner } = this.#options;
    const keeper = this.find(provider);
    if (keeper !== undefined) return keeper;
    if (specs.some(({ name }) => name === provider)) throw notOwner(provider);
    const known = specs.map(({ name }) => name).join(', ');
    throw new OmgError('invalid_argument', `there is no provider ${JSON.stringify(provider)}; there is ${known}`);
  }

  find(provider: string): PoolKeeper | undefined {
    const keeper = this.#keepers.get(provider);
    return keeper?.isMine === true ? keeper : undefined;
  }

  /** As long as the work goes on; then the keeper is closed. */
  async with(keeper: PoolKeeper, work: () => Promise<void>): Promise<void> {
    const { name } = keeper.provider;
    this.#keepers.set(name, keeper);
    try {
      await work();
    } finally {
      if (this.#keepers.get(name) === keeper) this.#keepers.delete(name);
      keeper.close();
    }
  }
}
