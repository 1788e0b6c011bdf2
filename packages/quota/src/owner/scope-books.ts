import { BEHAVIOURS, DIMENSIONS, isZero, vector } from '../dimensions.ts';
import type { Dimension } from '../dimensions.ts';
import { SlidingWindow } from '../sliding-window.ts';
import { WINDOW_MS } from '../timing.ts';
import type { HolderRecord, OwnerScope, QuotaOwner, Share } from './owner-state.ts';

/** The scope's books, begun when it is named first; its limits come with `setScope`. */
export function scopeOf(owner: QuotaOwner, id: string): OwnerScope {
  let scope = owner.scopes.get(id);
  if (scope === undefined) {
    scope = {
      id,
      loaded: false,
      loading: false,
      limit: vector(),
      hard: true,
      version: 0,
      spent: vector(),
      windows: { requests: new SlidingWindow(), tokens: new SlidingWindow() },
      outstanding: vector(),
      shares: new Map(),
      waiting: new Set(),
      wakeMs: Infinity,
      denied: new Set(),
      deniedMs: -Infinity,
      evictionDue: false,
    };
    owner.scopes.set(id, scope);
  }
  return scope;
}

export function shareOf(record: HolderRecord, scope: OwnerScope): Share {
  let share = record.shares.get(scope.id);
  if (share === undefined) {
    share = {
      outstanding: vector(),
      inFlight: vector(),
      inFlightWant: vector(),
      unspent: vector(),
      chargedAhead: vector(),
      overdraft: false,
      recalledMs: { requests: -Infinity, tokens: -Infinity, slots: -Infinity, nanoUsd: -Infinity },
      warm: vector(),
    };
    record.shares.set(scope.id, share);
    scope.shares.set(record.epoch, share);
  }
  return share;
}

/** All changes of what is outstanding go through here, so that the sum over all shares is right. */
export function setOutstanding(scope: OwnerScope, share: Share, change: { dimension: Dimension; to: number }): void {
  const to = Math.max(0, change.to);
  scope.outstanding[change.dimension] += to - share.outstanding[change.dimension];
  share.outstanding[change.dimension] = to;
}

export function addUse(scope: OwnerScope, dimension: Dimension, use: { atMs: number; amount: number }): void {
  scope.windows[dimension]?.add(use.atMs, use.amount);
}

/** What may be granted; less than nothing after a debt or a lowered limit. */
export function freeOf(scope: OwnerScope, dimension: Dimension, nowMs: number): number {
  const used = scope.windows[dimension]?.total(nowMs) ?? 0;
  return scope.limit[dimension] - scope.spent[dimension] - used - scope.outstanding[dimension];
}

interface ShareKey {
  readonly record: HolderRecord;
  readonly scope: OwnerScope;
}

/** A share that holds nothing, and of which nothing is on its way. */
export function dropShareIfEmpty(owner: QuotaOwner, key: ShareKey, nowMs: number): void {
  const { record, scope } = key;
  const share = record.shares.get(scope.id);
  if (share === undefined || share.overdraft) return;
  if (!isZero(share.outstanding) || !isZero(share.inFlight) || !isZero(share.chargedAhead)) return;
  record.shares.delete(scope.id);
  scope.shares.delete(record.epoch);
  scheduleEviction(owner, scope, nowMs);
}

/** When nobody has held anything for as long as the window remembers, nothing is lost by forgetting. */
export function scheduleEviction(owner: QuotaOwner, scope: OwnerScope, nowMs: number): void {
  if (scope.evictionDue || scope.shares.size > 0) return;
  scope.evictionDue = true;
  owner.timers.add(nowMs + WINDOW_MS, { kind: 'evict', scope: scope.id });
}

export function evictIfUnused(owner: QuotaOwner, id: string, nowMs: number): void {
  const scope = owner.scopes.get(id);
  if (scope === undefined) return;
  scope.evictionDue = false;
  if (scope.shares.size > 0 || scope.waiting.size > 0) return;
  if (DIMENSIONS.some((dimension) => (scope.windows[dimension]?.total(nowMs) ?? 0) > 0)) {
    scheduleEviction(owner, scope, nowMs);
    return;
  }
  owner.scopes.delete(id);
  owner.outputs.push({ kind: 'evicted', scope: id });
}

/** The least that one of `holders` may have in use when nothing is known of the others. */
export function fairPart(scope: OwnerScope, dimension: Dimension, holders: number): number {
  const left = Math.max(0, scope.limit[dimension] - scope.spent[dimension]);
  if (left === Infinity) return Number.MAX_SAFE_INTEGER;
  // Whoever may use less than one unit could serve nobody; money has no such unit.
  return BEHAVIOURS[dimension].fate === 'charged' ? Math.floor(left / holders) : Math.ceil(left / holders);
}

/** Whether holders that the owner before knew have not said what they have. */
export function isWarming(owner: QuotaOwner): boolean {
  return owner.missing.size > 0;
}
