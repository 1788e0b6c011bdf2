import { LeaseTable } from '../domain/lease-table.ts';
import type { Provider } from '../domain/provider.ts';
import { OmgError } from '@omg/errors';
import type { KeyStore } from './ports.ts';

/** A provider with the slots of its keys. */
export interface Pool {
  readonly provider: Provider;
  readonly table: LeaseTable;
}

/** The pools of all configured providers. */
export class Pools {
  readonly #pools: ReadonlyMap<string, Pool>;
  readonly #keys: KeyStore;

  constructor(providers: readonly Provider[], keys: KeyStore) {
    this.#pools = new Map(providers.map((provider) => [provider.name, { provider, table: new LeaseTable() }]));
    this.#keys = keys;
  }

  all(): readonly Pool[] {
    return [...this.#pools.values()];
  }

  get(provider: string): Pool {
    const pool = this.#pools.get(provider);
    if (pool !== undefined) return pool;
    throw new OmgError(
      'invalid_argument',
      `there is no provider ${JSON.stringify(provider)}; there is ${[...this.#pools.keys()].join(', ')}`,
    );
  }

  /** Takes the keys as the store has them now. */
  async reload(): Promise<void> {
    await Promise.all(
      this.all().map(async ({ provider, table }) => {
        table.setKeys(await this.#keys.list(provider.name));
      }),
    );
  }
}
