import type { Denial, Lease } from '../domain/lease-table.ts';
import type { Provider } from '../domain/provider.ts';
import type { Pools } from './pools.ts';
import type { Clock } from './ports.ts';

export interface AcquireLeasesInput {
  readonly provider: string;
  readonly model: string;
  readonly count: number;
  readonly holder: string;
}

export type AcquireLeasesResult =
  | { readonly granted: readonly Lease[]; readonly provider: Provider; readonly ttlMs: number }
  | { readonly denied: Denial };

export interface AcquireLeasesDeps {
  readonly pools: Pools;
  readonly clock: Clock;
  readonly makeId: () => string;
  readonly leaseTtlMs: number;
}

export function makeAcquireLeases(deps: AcquireLeasesDeps): (input: AcquireLeasesInput) => AcquireLeasesResult {
  return ({ provider, model, count, holder }) => {
    const pool = deps.pools.get(provider);
    const granted: Lease[] = [];
    const request = { model, holder, ttlMs: deps.leaseTtlMs, makeId: deps.makeId };
    while (granted.length < count) {
      const outcome = pool.table.acquire(request, deps.clock.nowMs());
      if ('reason' in outcome) {
        if (granted.length === 0) return { denied: outcome };
        break;
      }
      granted.push(outcome);
    }
    return { granted, provider: pool.provider, ttlMs: deps.leaseTtlMs };
  };
}
