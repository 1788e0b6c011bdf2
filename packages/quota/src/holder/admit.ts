import { BEHAVIOURS, DIMENSIONS, vector } from '../dimensions.ts';
import type { Dimension, Vector } from '../dimensions.ts';
import { OWNER_AWAY_MS } from '../timing.ts';
import { holderScopeOf, refresh } from './holder-state.ts';
import type { Admission, AdmissionPart, Denial, HolderScope, QuotaHolder, ScopeNeed } from './holder-state.ts';
import { giveBack, noteDemand, payDebt } from './slices.ts';

/**
 * Asks for one request, over all its scopes or none. It runs or is denied at once where that can be told, else it
 * waits, and an event tells.
 */
export function admit(
  holder: QuotaHolder,
  needs: readonly ScopeNeed[],
  nowMs: number,
  options: {
    /** Even where what is held would do: the owner may have something else in mind. */ readonly ask?: boolean;
  } = {},
): Admission {
  refresh(holder, nowMs);
  const admission: Admission = {
    state: 'waiting',
    parts: needs.map(({ scope, choice, need, typicalNanoUsd }) => ({
      scope,
      choice,
      need: vector(need),
      typicalNanoUsd,
      overdraft: false,
      offlineNanoUsd: 0,
    })),
    opened: 0,
    offline: false,
    awaySinceMs: undefined,
    denial: undefined,
    ref: undefined,
  };
  const lacking = admission.parts.filter((part) => lacks(holder, part, nowMs));
  const denial = rememberedDenial(holder, lacking, nowMs);
  if (denial !== undefined) {
    admission.state = 'denied';
    admission.denial = denial;
    return admission;
  }
  if (lacking.length === 0 && options.ask !== true) {
    for (const part of admission.parts) commitHeld(holderScopeOf(holder, part.scope, nowMs), part);
    start(holder, admission, nowMs);
    return admission;
  }
  const untilMs = Math.min(nowMs, holder.awaySinceMs) + OWNER_AWAY_MS;
  if (untilMs <= nowMs) {
    decideAlone(holder, admission, nowMs);
  } else {
    holder.queue.push(admission);
    holder.timers.add(untilMs, { kind: 'wait', admission });
  }
  return admission;
}

/** The request is gone while it waited. */
export function cancel(holder: QuotaHolder, admission: Admission): void {
  if (admission.state !== 'waiting') return;
  admission.state = 'ended';
  if (admission.ref !== undefined) holder.pending.delete(admission.ref);
}

/** What a request came to. */
export interface Outcome {
  readonly tokens: number;
  /** What its event will be charged for at most; the event carries it. */
  readonly nanoUsd: number;
  /** The number of its event; without one nothing was used up. */
  readonly event?: number | undefined;
}

/** Ends a running request. A second call does nothing, and says so. */
export function settle(
  holder: QuotaHolder,
  admission: Admission,
  options: { outcome: Outcome; nowMs: number },
): boolean {
  if (admission.state !== 'running') return false;
  const { outcome, nowMs } = options;
  refresh(holder, nowMs);
  admission.state = 'ended';
  holder.ended = Math.max(holder.ended, outcome.event ?? 0);
  for (const part of admission.parts) {
    const scope = holderScopeOf(holder, part.scope, nowMs);
    for (const dimension of DIMENSIONS) {
      const reserved = part.need[dimension];
      const { fate } = BEHAVIOURS[dimension];
      if (reserved === 0 || fate === 'used_at_admission') continue;
      scope.committed[dimension] -= reserved;
      let used = 0;
      if (fate === 'used_at_end') {
        used = outcome.tokens;
        if (used > 0) scope.uses[dimension]?.add(nowMs, used);
      } else if (fate === 'charged' && outcome.event !== undefined) {
        used = outcome.nanoUsd;
        awaitCharge(holder, { scope, dimension, part, event: outcome.event, amount: used });
      }
      let free = reserved - used;
      if (fate === 'charged') free -= settleOffline(holder, admission, { scope, part, free });
      giveBack(holder, scope, { dimension, amount: free, nowMs });
      payDebt(scope, dimension, -free);
    }
    if (part.overdraft) {
      scope.overdrawing--;
      if (outcome.event === undefined) scope.overdrafts--;
    }
    holder.dirty.add(scope);
  }
  return true;
}

/** What the request left of the offline grant, or took beyond its share of that, while the same owner is away. */
function settleOffline(
  holder: QuotaHolder,
  admission: Admission,
  { scope, part, free }: { readonly scope: HolderScope; readonly part: AdmissionPart; readonly free: number },
): number {
  if (admission.awaySinceMs !== holder.awaySinceMs) return 0;
  const ofGrant = Math.min(free, part.offlineNanoUsd);
  scope.offlineTaken.nanoUsd -= ofGrant;
  return ofGrant;
}

/** Everything that it needs is committed. */
export function start(holder: QuotaHolder, admission: Admission, nowMs: number): void {
  admission.state = 'running';
  admission.opened = ++holder.opened;
  for (const part of admission.parts) {
    const scope = holderScopeOf(holder, part.scope, nowMs);
    for (const dimension of DIMENSIONS) {
      const need = part.need[dimension];
      if (need === 0 || BEHAVIOURS[dimension].fate !== 'used_at_admission') continue;
      scope.committed[dimension] -= need;
      scope.uses[dimension]?.add(nowMs, need);
    }
    noteDemand(scope, part.need, nowMs);
    scope.lastUsedMs = nowMs;
    holder.dirty.add(scope);
  }
}

export function refuse(holder: QuotaHolder, admission: Admission, denial: Denial): void {
  admission.state = 'denied';
  admission.denial = denial;
  if (admission.ref !== undefined) holder.pending.delete(admission.ref);
}

/**
 * No owner answers: beyond what is held the request may have of the part that the owner named for this case; of a soft
 * budget one request at a time has its typical cost, where the worst case does not fit.
 */
export function decideAlone(holder: QuotaHolder, admission: Admission, nowMs: number): void {
  for (const part of admission.parts) {
    const scope = holderScopeOf(holder, part.scope, nowMs);
    const short = shortOf(holder, scope, { part, nowMs });
    if (short === undefined) continue;
    // a part of the limit is all that this holder knows of: nobody can say that the whole is reached
    refuse(holder, admission, { reason: 'unavailable', scope: part.scope, retryAfterMs: undefined, ...short });
    return;
  }
  if (admission.ref !== undefined) holder.pending.delete(admission.ref);
  admission.offline = true;
  admission.awaySinceMs = holder.awaySinceMs;
  for (const part of admission.parts) {
    const scope = holderScopeOf(holder, part.scope, nowMs);
    if (part.overdraft) {
      scope.overdrafts++;
      scope.overdrawing++;
    }
    part.offlineNanoUsd = commitHeld(scope, part).nanoUsd;
    scope.offlineTaken.nanoUsd += part.offlineNanoUsd;
  }
  start(holder, admission, nowMs);
}

/** Where the part named for a time without the owner does not do, and what it would do for. */
function shortOf(
  holder: QuotaHolder,
  scope: HolderScope,
  { part, nowMs }: { readonly part: AdmissionPart; readonly nowMs: number },
): Pick<Denial, 'dimension' | 'affordable'> | undefined {
  const { need, typicalNanoUsd } = part;
  for (const dimension of DIMENSIONS) {
    const may = holder.failOpen ? (scope.offline?.[dimension] ?? 0) : 0;
    const affordable = may - usedAlone(scope, dimension, nowMs);
    const most = scope.unspent[dimension] + Math.max(0, affordable);
    if (need[dimension] <= most) continue;
    const mayOverdraw = dimension === 'nanoUsd' && scope.overdrawing === 0 && typicalNanoUsd !== undefined;
    if (!mayOverdraw || typicalNanoUsd > most) return { dimension, affordable };
    need.nanoUsd = typicalNanoUsd;
    part.overdraft = true;
  }
  return undefined;
}

/** Commits the need, as far as it goes of what is held; the result is what that lacked. */
function commitHeld(scope: HolderScope, part: AdmissionPart): Vector {
  const beyond = vector();
  for (const dimension of DIMENSIONS) {
    const need = part.need[dimension];
    const held = Math.min(need, scope.unspent[dimension]);
    scope.unspent[dimension] -= held;
    scope.committed[dimension] += need;
    beyond[dimension] = need - held;
  }
  return beyond;
}

function lacks(holder: QuotaHolder, part: AdmissionPart, nowMs: number): boolean {
  const { unspent } = holderScopeOf(holder, part.scope, nowMs);
  return DIMENSIONS.some((dimension) => part.need[dimension] > unspent[dimension]);
}

/** What counts against the part without an owner: what runs, was used in a minute, or, of money, was taken of it. */
function usedAlone(scope: HolderScope, dimension: Dimension, nowMs: number): number {
  if (BEHAVIOURS[dimension].fate === 'charged') return scope.offlineTaken[dimension];
  return scope.committed[dimension] + (scope.uses[dimension]?.total(nowMs) ?? 0);
}

/** Whoever asks for no less of what was denied a moment ago is denied as well. */
function rememberedDenial(holder: QuotaHolder, lacking: readonly AdmissionPart[], nowMs: number): Denial | undefined {
  for (const part of lacking) {
    if (part.choice !== undefined) continue;
    const scope = holder.scopes.get(part.scope);
    const dimension = scope?.denied?.denial.dimension;
    if (scope?.denied === undefined || dimension === undefined || nowMs >= scope.denied.untilMs) continue;
    const need = part.need[dimension];
    if (need > scope.unspent[dimension] && need >= scope.denied.need) return scope.denied.denial;
  }
  return undefined;
}

function awaitCharge(
  holder: QuotaHolder,
  kept: {
    readonly scope: HolderScope;
    readonly dimension: Dimension;
    readonly part: AdmissionPart;
    readonly event: number;
    readonly amount: number;
  },
): void {
  const { scope, dimension, part, event, amount } = kept;
  scope.uncharged[dimension] += amount;
  const entry = { scope: scope.id, dimension, amount, overdraft: part.overdraft };
  const entries = holder.uncharged.get(event);
  if (entries === undefined) holder.uncharged.set(event, [entry]);
  else entries.push(entry);
}
