import { parseLeaseId } from '../domain/lease-id.ts';
import type { PoolClock } from './pool-clock.ts';
import type { Offices } from './pool-offices.ts';

export interface ReleaseLeasesDeps {
  readonly offices: Offices;
  readonly clock: PoolClock;
}

export function makeReleaseLeases(
  deps: ReleaseLeasesDeps,
): (input: { readonly service: string; readonly leaseIds: readonly string[] }) => void {
  return ({ service, leaseIds }) => {
    for (const id of leaseIds) {
      const parsed = parseLeaseId(id);
      if (parsed === undefined) continue;
      const keeper = deps.offices.get(parsed.provider);
      keeper.desk.release(id, service, deps.clock.nowMs());
      keeper.touched();
    }
  };
}
