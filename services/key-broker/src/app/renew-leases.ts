import { parseLeaseId } from '../domain/lease-id.ts';
import type { PoolClock } from './pool-clock.ts';
import type { PoolKeeper } from './pool-keeper.ts';
import type { Offices } from './pool-offices.ts';

export interface RenewLeasesResult {
  readonly ttlMs: number;
  readonly unknownLeaseIds: readonly string[];
  readonly revokedLeaseIds: readonly string[];
}

export interface RenewLeasesDeps {
  readonly offices: Offices;
  readonly clock: PoolClock;
  readonly ttlMs: number;
}

/**
 * Keeps leases. One that an earlier owner of the pool has granted goes on: its slot is taken for the caller, and where
 * that turns out to be impossible, the next renewal says so.
 */
export function makeRenewLeases(
  deps: RenewLeasesDeps,
): (input: { readonly service: string; readonly leaseIds: readonly string[] }) => RenewLeasesResult {
  return ({ service, leaseIds }) => {
    const nowMs = deps.clock.nowMs();
    const unknownLeaseIds: string[] = [];
    const revokedLeaseIds: string[] = [];
    for (const id of leaseIds) {
      const parsed = parseLeaseId(id);
      const keeper = parsed === undefined ? undefined : deps.offices.get(parsed.provider);
      if (parsed === undefined || keeper === undefined) {
        unknownLeaseIds.push(id);
        continue;
      }
      const result = keeper.desk.renew(id, service, nowMs);
      if (result === 'unknown' && !isAdopted(keeper, { ...parsed, id, service }, nowMs)) unknownLeaseIds.push(id);
      if (result === 'revoked') revokedLeaseIds.push(id);
    }
    return { ttlMs: deps.ttlMs, unknownLeaseIds, revokedLeaseIds };
  };
}

function isAdopted(
  keeper: PoolKeeper,
  lease: { readonly id: string; readonly term: number; readonly keyId: string; readonly service: string },
  nowMs: number,
): boolean {
  if (lease.term >= keeper.pool.term) return false;
  const adopting = keeper.desk.adopt(lease, nowMs);
  keeper.touched();
  return adopting;
}
