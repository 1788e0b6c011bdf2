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
    })),
    opened: 0,
    offline: false,
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
      giveBack(holder, scope, { dimension, amount: reserved - used, nowMs });
      payDebt(scope, dimension, used - reserved);
    }
    holder.dirty.add(scope);
  }
  return true;
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

/** No owner answers: beyond what is held the request may have of the part that the owner named for this case. */
export function decideAlone(holder: QuotaHolder, admission: Admission, nowMs: number): void {
  for (const part of admission.parts) {
    const scope = holderScopeOf(holder, part.scope, nowMs);
    for (const dimension of DIMENSIONS) {
      const beyond = part.need[dimension] - scope.unspent[dimension];
      if (beyond <= 0) continue;
      const may = holder.failOpen ? (scope.offline?.[dimension] ?? 0) : 0;
      const affordable = may - usedAlone(scope, dimension, nowMs);
      if (beyond <= affordable) continue;
      // a part of the limit is all that this holder knows of: nobody can say that the whole is reached
      const reason = 'unavailable';
      refuse(holder, admission, { reason, scope: part.scope, dimension, retryAfterMs: undefined, affordable });
      return;
    }
  }
  if (admission.ref !== undefined) holder.pending.delete(admission.ref);
  admission.offline = true;
  for (const part of admission.parts) {
    const scope = holderScopeOf(holder, part.scope, nowMs);
    const beyond = commitHeld(scope, part);
    for (const dimension of DIMENSIONS) {
      if (BEHAVIOURS[dimension].fate === 'charged') scope.offlineTaken[dimension] += beyond[dimension];
    }
  }
  start(holder, admission, nowMs);
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
