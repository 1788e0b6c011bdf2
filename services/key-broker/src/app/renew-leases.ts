import type { Pools } from './pools.ts';
import type { Clock } from './ports.ts';

export interface RenewLeasesResult {
  readonly ttlMs: number;
  readonly unknownLeaseIds: readonly string[];
}

export interface RenewLeasesDeps {
  readonly pools: Pools;
  readonly clock: Clock;
  readonly leaseTtlMs: number;
}

export function makeRenewLeases({
  pools,
  clock,
  leaseTtlMs,
}: RenewLeasesDeps): (leaseIds: readonly string[]) => RenewLeasesResult {
  return (leaseIds) => {
    const nowMs = clock.nowMs();
    const tables = pools.all().map(({ table }) => table);
    const unknownLeaseIds = leaseIds.filter((id) => !tables.some((table) => table.renew(id, leaseTtlMs, nowMs)));
    return { ttlMs: leaseTtlMs, unknownLeaseIds };
  };
}
