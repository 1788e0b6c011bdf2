import { BEHAVIOURS, DIMENSIONS } from '../dimensions.ts';
import type { Amounts, Dimension, Vector } from '../dimensions.ts';
import type { GrantScope } from '../messages.ts';
import { send } from './owner-state.ts';
import type { OwnerScope, ParsedTakeScope, QuotaOwner, WaitingTake } from './owner-state.ts';
import { fairPart, freeOf, isWarming, scopeOf, setOutstanding, shareOf } from './scope-books.ts';

const ONE_USD = 1_000_000_000;

/** Gives the take all that it needs, of what it would like a part, and notes it as outstanding. */
export function grant(
  owner: QuotaOwner,
  take: WaitingTake,
  options: { readonly nowMs: number; readonly overdraft: boolean },
): void {
  const { nowMs, overdraft } = options;
  const scopes: GrantScope[] = [];
  for (const part of take.scopes) {
    const scope = scopeOf(owner, part.scope);
    const share = shareOf(take.record, scope);
    const need = overdraft ? reducedNeed(part) : part.need;
    const add: { -readonly [D in Dimension]?: number } = {};
    for (const dimension of DIMENSIONS) {
      const more = wanted(owner, scope, { dimension, need: need[dimension], want: part.want[dimension], nowMs });
      const sum = need[dimension] + more;
      if (sum === 0) continue;
      add[dimension] = sum;
      share.inFlight[dimension] += sum;
      share.inFlightWant[dimension] += more;
      share.warm[dimension] += sum;
      setOutstanding(scope, share, { dimension, to: share.outstanding[dimension] + sum });
    }
    if (overdraft && part.typicalNanoUsd !== undefined) share.overdraft = true;
    scopes.push({
      scope: scope.id,
      add,
      version: scope.version,
      offline: offlineOf(owner, scope, nowMs),
      left: leftOf(owner, scope, nowMs),
    });
  }
  send(owner, take.record.epoch, { kind: 'grant', ref: take.ref, ttlMs: owner.ttlMs, overdraft, scopes });
}

/** min(want, floor((free - need) / 2H)): what is scarce becomes ask-each-time by itself. */
function wanted(
  owner: QuotaOwner,
  scope: OwnerScope,
  ask: { readonly dimension: Dimension; readonly need: number; readonly want: number; readonly nowMs: number },
): number {
  if (ask.want <= 0 || isWarming(owner) || scope.waiting.size > 0) return 0;
  const spare = freeOf(scope, ask.dimension, ask.nowMs) - ask.need;
  return Math.max(0, Math.min(ask.want, Math.floor(spare / (2 * scope.shares.size))));
}

const NOTHING: Amounts = {};

function leftOf(owner: QuotaOwner, scope: OwnerScope, nowMs: number): Amounts | undefined {
  if (!owner.offline) return undefined;
  const left: { -readonly [D in Dimension]?: number } = {};
  for (const dimension of DIMENSIONS) {
    if (scope.limit[dimension] !== Infinity) left[dimension] = Math.max(0, freeOf(scope, dimension, nowMs));
  }
  return left;
}

function offlineOf(owner: QuotaOwner, scope: OwnerScope, nowMs: number): Amounts {
  if (!owner.offline) return NOTHING;
  const holders = Math.max(owner.connections.size, isWarming(owner) ? owner.knownCount : 0);
  const offline: { -readonly [D in Dimension]?: number } = {};
  for (const dimension of DIMENSIONS) {
    if (BEHAVIOURS[dimension].fate !== 'charged' || scope.limit[dimension] === Infinity) {
      offline[dimension] = fairPart(scope, dimension, holders);
    } else if (!scope.hard) {
      const free = Math.max(0, freeOf(scope, dimension, nowMs));
      offline[dimension] = Math.floor(Math.min(free / 100, ONE_USD) / holders);
    }
  }
  return offline;
}

/** A soft budget lets one request at a time in by its typical cost, when only its worst case does not fit. */
export function tryOverdraft(owner: QuotaOwner, take: WaitingTake, nowMs: number): boolean {
  if (take.scopes.every(({ typicalNanoUsd }) => typicalNanoUsd === undefined)) return false;
  for (const part of take.scopes) {
    const scope = scopeOf(owner, part.scope);
    if (!scope.loaded || (isWarming(owner) && scope.limit.nanoUsd !== Infinity)) return false;
    const overdrawn = scope.shares.values().some(({ overdraft }) => overdraft);
    if (part.typicalNanoUsd !== undefined && (scope.hard || overdrawn)) return false;
    for (const dimension of DIMENSIONS) {
      const need = reducedNeed(part)[dimension];
      if (need > 0 && need > freeOf(scope, dimension, nowMs)) return false;
    }
  }
  grant(owner, take, { nowMs, overdraft: true });
  return true;
}

function reducedNeed(part: ParsedTakeScope): Vector {
  return part.typicalNanoUsd === undefined ? part.need : { ...part.need, nanoUsd: part.typicalNanoUsd };
}
