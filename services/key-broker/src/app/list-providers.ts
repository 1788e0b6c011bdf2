import type { KeyPool } from '../domain/pool/key-pool.ts';
import type { ProviderSpec } from '../domain/provider-registry.ts';
import { slotsInUse, slotsOf } from '../domain/pool/pool-quota.ts';
import { whyNoKeys } from '../domain/pool/pool-takes.ts';
import type { PoolClock } from './pool-clock.ts';
import type { PoolKeeper } from './pool-keeper.ts';
import type { Offices } from './pool-offices.ts';

export interface ProviderNow {
  readonly spec: ProviderSpec;
  /** Address of the owner of its pool; empty: nobody owns it at the moment. */
  readonly owner: string;
  /** Undefined: another replica owns the pool, and only that one knows. */
  readonly pool: PoolCounts | undefined;
}

export interface PoolCounts {
  readonly keys: number;
  readonly keysAvailable: number;
  readonly slotsInUse: number;
  readonly statuses: ReadonlyMap<string, number>;
  readonly backupKeysLeft: number;
  readonly proxies: number;
  readonly proxiesUsable: number;
  /** Why no key could be leased now; empty where one could. */
  readonly reason: string;
}

export interface ListProvidersDeps {
  readonly offices: Offices;
  readonly clock: PoolClock;
  readonly ownerOf: (provider: string) => string;
}

export function makeListProviders(deps: ListProvidersDeps): () => readonly ProviderNow[] {
  return () =>
    deps.offices.specs.map((spec) => {
      const keeper = deps.offices.find(spec.name);
      return {
        spec,
        owner: deps.ownerOf(spec.name),
        pool: keeper === undefined ? undefined : countsOf(keeper, deps.clock.nowMs()),
      };
    });
}

function countsOf(keeper: PoolKeeper, nowMs: number): PoolCounts {
  const { pool } = keeper;
  const statuses = new Map<string, number>();
  let allInUse = 0;
  let available = 0;
  for (const [id, key] of pool.keys) {
    const { state } = key;
    const name = !state.enabled ? 'disabled' : state.paused ? 'paused' : state.status;
    statuses.set(name, (statuses.get(name) ?? 0) + 1);
    const inUse = slotsInUse(pool, id);
    allInUse += inUse;
    if (pool.ring.has(id) && inUse < slotsOf(pool, key)) available += 1;
  }
  if (pool.holds.provider !== undefined) available = 0;
  return {
    keys: pool.keys.size,
    keysAvailable: available,
    slotsInUse: allInUse,
    statuses,
    backupKeysLeft: pool.unusedBackups,
    proxies: pool.proxies.size,
    proxiesUsable: pool.proxies.usable().size,
    reason: available > 0 ? '' : whyNone(pool, nowMs),
  };
}

function whyNone(pool: KeyPool, nowMs: number): string {
  if (pool.keys.size === 0) return 'it has no keys';
  const why = whyNoKeys(pool, nowMs);
  return why === '' ? 'all slots are taken' : why;
}
