import { BEHAVIOURS, DIMENSIONS } from '../dimensions.ts';
import type { Dimension } from '../dimensions.ts';
import { DENIAL_MS, OWNER_AWAY_MS, RECALL_WAIT_MS, WARM_UP_WAIT_MS } from '../timing.ts';
import { grant, tryOverdraft } from './grant.ts';
import { send } from './owner-state.ts';
import type { OwnerScope, QuotaOwner, Share, WaitingTake } from './owner-state.ts';
import { fairPart, freeOf, isWarming, scheduleEviction, scopeOf } from './scope-books.ts';

interface Obstacle {
  readonly scope: OwnerScope;
  readonly cause: 'unloaded' | 'warming' | 'limit';
  readonly dimension: Dimension | undefined;
}

/** Grants the take, denies it where waiting cannot help, or lets it wait. */
export function offer(owner: QuotaOwner, take: WaitingTake, nowMs: number): void {
  const obstacle = findObstacle(owner, take, nowMs);
  if (obstacle !== undefined && isHopeless(obstacle, take, nowMs)) {
    if (!tryOverdraft(owner, take, nowMs)) deny(owner, { take, obstacle, nowMs });
    return;
  }
  // Nobody overtakes those who wait.
  const queued = take.scopes.map(({ scope }) => scopeOf(owner, scope)).find(({ waiting }) => waiting.size > 0);
  const scope = queued ?? obstacle?.scope;
  if (scope === undefined) {
    grant(owner, take, { nowMs, overdraft: false });
    return;
  }
  if (obstacle !== undefined) notice(owner, { take, obstacle, nowMs });
  owner.timers.add(nowMs + RECALL_WAIT_MS, { kind: 'take', take });
  wait(owner, { take, scope, nowMs });
}

/** After something came free in the scope. */
export function serve(owner: QuotaOwner, scope: OwnerScope, nowMs: number): void {
  serveWaiting(owner, scope, nowMs);
  forgetDenials(owner, scope, nowMs);
}

function serveWaiting(owner: QuotaOwner, scope: OwnerScope, nowMs: number): void {
  for (const take of scope.waiting) {
    const obstacle = findObstacle(owner, take, nowMs);
    if (obstacle !== undefined) notice(owner, { take, obstacle, nowMs });
    if (obstacle?.scope === scope) break;
    forget(take);
    if (obstacle === undefined) grant(owner, take, { nowMs, overdraft: false });
    else wait(owner, { take, scope: obstacle.scope, nowMs });
  }
  wakeWithWindow(owner, scope, nowMs);
}

/** The take has waited long enough, unless what is in its way now was not recalled for it. */
export function decide(owner: QuotaOwner, take: WaitingTake, nowMs: number): void {
  const { scope } = take;
  if (scope === undefined) return;
  const obstacle = findObstacle(owner, take, nowMs);
  if (obstacle !== undefined) {
    let sinceMs = noticedMs(take, obstacle);
    if (sinceMs === undefined) {
      notice(owner, { take, obstacle, nowMs });
      sinceMs = nowMs;
    }
    const untilMs =
      obstacle.cause === 'limit'
        ? Math.min(sinceMs + RECALL_WAIT_MS, take.arrivedMs + OWNER_AWAY_MS / 2)
        : take.arrivedMs + OWNER_AWAY_MS;
    if (nowMs < untilMs) {
      // What is in the way may be another thing by then.
      owner.timers.add(Math.min(untilMs, nowMs + RECALL_WAIT_MS), { kind: 'take', take });
      return;
    }
  }
  forget(take);
  if (obstacle === undefined) grant(owner, take, { nowMs, overdraft: false });
  else if (!tryOverdraft(owner, take, nowMs)) deny(owner, { take, obstacle, nowMs });
  serveWaiting(owner, scope, nowMs);
}

export function forget(take: WaitingTake): void {
  take.scope?.waiting.delete(take);
  take.scope = undefined;
  take.record.takes.delete(take);
}

function wait(
  owner: QuotaOwner,
  options: { readonly take: WaitingTake; readonly scope: OwnerScope; readonly nowMs: number },
): void {
  const { take, scope, nowMs } = options;
  take.scope = scope;
  scope.waiting.add(take);
  take.record.takes.add(take);
  if (isWarming(owner)) owner.warmWaiting.add(scope.id);
  wakeWithWindow(owner, scope, nowMs);
}

/** What is in the way is asked back; each thing that is has its own time to come. */
function notice(
  owner: QuotaOwner,
  options: { readonly take: WaitingTake; readonly obstacle: Obstacle; readonly nowMs: number },
): void {
  const { take, obstacle, nowMs } = options;
  const { scope, dimension } = obstacle;
  if (noticedMs(take, obstacle) === undefined) take.noticed.push({ scope: scope.id, dimension, atMs: nowMs });
  if (!scope.loaded && !scope.loading) {
    scope.loading = true;
    owner.outputs.push({ kind: 'load', scope: scope.id });
  }
  if (dimension !== undefined) recall(owner, { scope, dimension, nowMs });
}

/** Who has of it is to return what is unspent. */
export function recall(
  owner: QuotaOwner,
  options: { readonly scope: OwnerScope; readonly dimension: Dimension; readonly nowMs: number },
): void {
  const { scope, dimension, nowMs } = options;
  for (const [epoch, share] of scope.shares) {
    // One recall stays in force for all who come within a wait.
    if (share.outstanding[dimension] <= 0 || nowMs - share.recalledMs[dimension] < RECALL_WAIT_MS) continue;
    share.recalledMs[dimension] = nowMs;
    send(owner, epoch, { kind: 'recall', scope: scope.id, dimensions: [dimension] });
  }
}

function noticedMs({ noticed }: WaitingTake, { scope, dimension }: Obstacle): number | undefined {
  return noticed.find((known) => known.scope === scope.id && known.dimension === dimension)?.atMs;
}

function wakeWithWindow(owner: QuotaOwner, scope: OwnerScope, nowMs: number): void {
  if (scope.waiting.size === 0) return;
  let atMs = Infinity;
  for (const dimension of DIMENSIONS) atMs = Math.min(atMs, scope.windows[dimension]?.nextExpiryMs(nowMs) ?? Infinity);
  if (atMs > nowMs + RECALL_WAIT_MS || (scope.wakeMs > nowMs && scope.wakeMs <= atMs)) return;
  scope.wakeMs = atMs;
  owner.timers.add(atMs, { kind: 'wake', scope: scope.id });
}

/** Nothing is out that could come back in time, and the window frees nothing in time. */
function isHopeless(obstacle: Obstacle, take: WaitingTake, nowMs: number): boolean {
  const { scope, dimension } = obstacle;
  if (obstacle.cause !== 'limit' || dimension === undefined) return false;
  const need = take.scopes.find((part) => part.scope === scope.id)?.need[dimension] ?? 0;
  if (need > scope.limit[dimension] - scope.spent[dimension]) return true;
  const inTimeMs = nowMs + RECALL_WAIT_MS;
  return scope.outstanding[dimension] <= 0 && (scope.windows[dimension]?.nextExpiryMs(nowMs) ?? Infinity) > inTimeMs;
}

/** The first thing in the way of granting all. */
function findObstacle(owner: QuotaOwner, take: WaitingTake, nowMs: number): Obstacle | undefined {
  for (const part of take.scopes) {
    const scope = scopeOf(owner, part.scope);
    if (!scope.loaded) return { scope, cause: 'unloaded', dimension: undefined };
    for (const dimension of DIMENSIONS) {
      const need = part.need[dimension];
      if (need <= 0) continue;
      if (need > freeOf(scope, dimension, nowMs)) return { scope, cause: 'limit', dimension };
      if (
        isWarming(owner) &&
        !fitsWarm(owner, scope, { dimension, need, share: take.record.shares.get(part.scope), nowMs })
      ) {
        return { scope, cause: 'warming', dimension };
      }
    }
  }
  return undefined;
}

/** While holders are missing, each that is present may have its fair part; of hard budgets nothing. */
function fitsWarm(
  owner: QuotaOwner,
  scope: OwnerScope,
  ask: { readonly dimension: Dimension; readonly need: number; readonly share: Share | undefined; nowMs: number },
): boolean {
  const { dimension, need, share, nowMs } = ask;
  if (scope.limit[dimension] === Infinity) return true;
  const { fate } = BEHAVIOURS[dimension];
  if (nowMs < owner.startedMs + WARM_UP_WAIT_MS || (fate === 'charged' && scope.hard)) return false;
  const has = (fate === 'returned' ? share?.outstanding[dimension] : share?.warm[dimension]) ?? 0;
  return has + need <= fairPart(scope, dimension, Math.max(owner.knownCount, owner.holders.size));
}

function deny(
  owner: QuotaOwner,
  options: { readonly take: WaitingTake; readonly obstacle: Obstacle; readonly nowMs: number },
): void {
  const { take, obstacle, nowMs } = options;
  const { scope, dimension } = obstacle;
  if (!scope.loaded) scheduleEviction(owner, scope, nowMs);
  scope.denied.add(take.record.epoch);
  scope.deniedMs = nowMs;
  const free = dimension === undefined ? 0 : freeOf(scope, dimension, nowMs);
  const need = take.scopes.find((part) => part.scope === scope.id)?.need;
  const lacking = dimension === undefined ? 0 : (need?.[dimension] ?? 0) - free;
  const freeAtMs = dimension === undefined ? Infinity : (scope.windows[dimension]?.freeAtMs(lacking) ?? Infinity);
  send(owner, take.record.epoch, {
    kind: 'deny',
    ref: take.ref,
    reason: obstacle.cause === 'limit' ? 'limit' : 'unavailable',
    scope: scope.id,
    dimension,
    retryAfterMs: freeAtMs === Infinity ? undefined : Math.max(0, freeAtMs - nowMs),
    affordable: Math.max(0, free),
  });
}

/** Who was denied lately and may believe in it need not any more. */
function forgetDenials(owner: QuotaOwner, scope: OwnerScope, nowMs: number): void {
  if (scope.denied.size === 0) return;
  if (nowMs - scope.deniedMs < DENIAL_MS) {
    for (const epoch of scope.denied) send(owner, epoch, { kind: 'changed', scope: scope.id, version: scope.version });
  }
  scope.denied.clear();
}
