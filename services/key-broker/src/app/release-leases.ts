import type { Pools } from './pools.ts';

export function makeReleaseLeases(deps: { readonly pools: Pools }): (leaseIds: readonly string[]) => void {
  return (leaseIds) => {
    // an id names no pool, and there are few pools
    for (const { table } of deps.pools.all()) for (const id of leaseIds) table.release(id);
  };
}
