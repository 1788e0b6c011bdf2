import { BEHAVIOURS, DIMENSIONS, vector } from '../dimensions.ts';
import type { Dimension, Vector } from '../dimensions.ts';
import type { HolderScope, QuotaHolder } from './holder-state.ts';

/** Something of the scope came free: for the requests to come, or back to the owner where it asked for that. */
export function giveBack(
  holder: QuotaHolder,
  scope: HolderScope,
  free: { readonly dimension: Dimension; readonly amount: number; readonly nowMs: number },
): void {
  const { dimension, amount, nowMs } = free;
  if (amount <= 0) return;
  holder.dirty.add(scope);
  if (scope.denied?.denial.dimension === dimension) scope.denied = undefined;
  const isRecalled = holder.welcomed && nowMs < scope.recalledUntilMs[dimension];
  if (holder.keep && holder.valid && !isRecalled) scope.unspent[dimension] += amount;
  else holder.returning.add(scope);
}

/** Where more was used than reserved, held slices pay for as much as they can. */
export function payDebt(scope: HolderScope, dimension: Dimension, debt: number): void {
  scope.unspent[dimension] -= Math.min(scope.unspent[dimension], Math.max(0, debt));
}

/** Everything unspent goes back. */
export function returnUnspent(holder: QuotaHolder, scope: HolderScope, dimensions: readonly Dimension[]): void {
  for (const dimension of dimensions) {
    if (scope.unspent[dimension] === 0) continue;
    scope.unspent[dimension] = 0;
    holder.dirty.add(scope);
    holder.returning.add(scope);
  }
}

const DEMAND_MS = 10_000;

/** Use of the last 10 s: decays by the time, grows by what is admitted. */
export function noteDemand(scope: HolderScope, need: Readonly<Vector>, nowMs: number): void {
  const rest = Math.exp(-(nowMs - scope.demandMs) / DEMAND_MS);
  scope.demandMs = nowMs;
  for (const dimension of DIMENSIONS) {
    const before = scope.demand[dimension] * rest;
    scope.demand[dimension] =
      BEHAVIOURS[dimension].demand === 'sum'
        ? before + need[dimension]
        : Math.max(before, need[dimension] > 0 ? scope.committed[dimension] : 0);
  }
}

/** What would be good to have, beyond what is held. */
export function wantOf(scope: HolderScope, nowMs: number): Vector {
  const rest = Math.exp(-(nowMs - scope.demandMs) / DEMAND_MS);
  const want = vector();
  for (const dimension of DIMENSIONS) {
    const held = scope.unspent[dimension] + (BEHAVIOURS[dimension].demand === 'peak' ? scope.committed[dimension] : 0);
    want[dimension] = Math.max(0, Math.floor(scope.demand[dimension] * rest) - held);
  }
  return want;
}
