import { IS_TRANSIENT, OmgError } from '@omg/errors';
import type { DuplexCall, GrpcClient } from '@omg/grpc';
import type { accountsV1 } from '@omg/proto-gen';

type Ledger = Pick<GrpcClient<accountsV1.AccountsService>, 'resolveKey' | 'getPrices' | 'getOwnAccount' | 'hold'>;

/** Replicas of usage-ledger that are known one by one: what any of them can answer is asked of another when one is away. */
export class LedgerReplicas implements Disposable, Ledger {
  readonly #replicas: readonly (Ledger & Disposable)[];
  /** The one that answered last. */
  #turn = 0;

  constructor(replicas: readonly (Ledger & Disposable)[]) {
    this.#replicas = replicas;
  }

  readonly resolveKey: Ledger['resolveKey'] = async (request, options) =>
    await this.#ask(async (replica) => await replica.resolveKey(request, options));

  readonly getPrices: Ledger['getPrices'] = async (request, options) =>
    await this.#ask(async (replica) => await replica.getPrices(request, options));

  readonly getOwnAccount: Ledger['getOwnAccount'] = async (request, options) =>
    await this.#ask(async (replica) => await replica.getOwnAccount(request, options));

  /** A stream that broke is opened to the next one. */
  readonly hold = (signal: AbortSignal): DuplexCall<accountsV1.HoldRequest, accountsV1.HoldResponse> => {
    this.#turn += 1;
    return this.#current.hold(signal);
  };

  [Symbol.dispose](): void {
    for (const replica of this.#replicas) replica[Symbol.dispose]();
  }

  get #current(): Ledger {
    const replica = this.#replicas[this.#turn % this.#replicas.length];
    if (replica === undefined) throw new OmgError('unavailable', 'no address of usage-ledger is known');
    return replica;
  }

  async #ask<T>(call: (replica: Ledger) => Promise<T>): Promise<T> {
    for (let left = this.#replicas.length; ; left -= 1) {
      const turn = this.#turn;
      try {
        return await call(this.#current);
      } catch (error) {
        if (left <= 1 || !(error instanceof OmgError) || !IS_TRANSIENT[error.code]) throw error;
        // whoever waited for the same one has turned already
        if (this.#turn === turn) this.#turn += 1;
      }
    }
  }
}
