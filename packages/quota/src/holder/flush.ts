import { BEHAVIOURS, DIMENSIONS, isZero, toAmounts, vector } from '../dimensions.ts';
import type { HolderMessage, ScopeState, Take, Use } from '../messages.ts';
import { holderScopeOf, refresh } from './holder-state.ts';
import type { Admission, HolderScope, QuotaHolder } from './holder-state.ts';
import { wantOf } from './slices.ts';

/** What is to be sent now, gathered since the last time; to be called once per tick. */
export function flush(holder: QuotaHolder, nowMs: number): readonly HolderMessage[] {
  refresh(holder, nowMs);
  if (!holder.welcomed) return [];
  const waiting = holder.queue.filter(({ state }) => state === 'waiting');
  holder.queue = [];
  for (const admission of waiting) yieldHeld(holder, admission, nowMs);
  const messages: HolderMessage[] = [];
  if (holder.helloSeen !== undefined) {
    messages.push(hello(holder, holder.helloSeen, nowMs));
  } else if (nowMs >= holder.nextStateMs) {
    const { opened, ended } = holder;
    const ref = askRef(holder, nowMs);
    messages.push({ kind: 'state', ref, opened, ended, states: report(holder, holder.dirty, { ref, nowMs }) });
    holder.nextStateMs = nowMs + holder.stateEveryMs;
  } else if (holder.returning.size > 0) {
    const ref = ++holder.lastRef;
    const { opened, ended } = holder;
    messages.push({ kind: 'return', ref, opened, ended, states: report(holder, holder.returning, { ref, nowMs }) });
  }
  for (const admission of waiting) messages.push(take(holder, admission, nowMs));
  return messages;
}

/** A number for a message that will be answered: what comes with the answer is good for a ttl from now. */
export function askRef(holder: QuotaHolder, nowMs: number): number {
  const ref = ++holder.lastRef;
  holder.sentMs.set(ref, nowMs);
  return ref;
}

export function hasMessages(holder: QuotaHolder): boolean {
  if (!holder.welcomed) return false;
  return holder.helloSeen !== undefined || holder.returning.size > 0 || holder.queue.length > 0;
}

function hello(holder: QuotaHolder, seen: number, nowMs: number): HolderMessage {
  const ref = askRef(holder, nowMs);
  const states: ScopeState[] = [];
  for (const id of holder.scopes.keys()) {
    const scope = holderScopeOf(holder, id, nowMs);
    const used: Use[] = [];
    for (const dimension of DIMENSIONS) {
      used.push(...(scope.uses[dimension]?.reportUnseen(dimension, nowMs, { seen, ref }) ?? []));
    }
    if (used.length > 0 || holdsAnything(scope)) states.push(stateOf(scope, used));
  }
  holder.dirty.clear();
  holder.returning.clear();
  holder.helloSeen = undefined;
  holder.nextStateMs = nowMs + holder.stateEveryMs;
  return { kind: 'hello', ref, epoch: holder.epoch, opened: holder.opened, ended: holder.ended, states };
}

export function holdsAnything(scope: HolderScope): boolean {
  const { unspent, committed, uncharged, charged, received } = scope;
  return ![unspent, committed, uncharged, charged, received].every(isZero) || scope.overdrafts > 0;
}

function report(
  holder: QuotaHolder,
  scopes: ReadonlySet<HolderScope>,
  options: { readonly ref: number; readonly nowMs: number },
): ScopeState[] {
  const { ref, nowMs } = options;
  const states: ScopeState[] = [];
  for (const { id } of scopes) {
    const scope = holderScopeOf(holder, id, nowMs);
    const used: Use[] = [];
    for (const dimension of DIMENSIONS) {
      if (BEHAVIOURS[dimension].windowed) used.push(...(scope.uses[dimension]?.report(dimension, nowMs, ref) ?? []));
    }
    states.push(stateOf(scope, used));
    holder.dirty.delete(scope);
    holder.returning.delete(scope);
  }
  return states;
}

function stateOf(scope: HolderScope, used: readonly Use[]): ScopeState {
  const state: ScopeState = {
    scope: scope.id,
    received: toAmounts(scope.received),
    charged: toAmounts(scope.charged),
    unspent: toAmounts(scope.unspent),
    committed: toAmounts(scope.committed),
    uncharged: toAmounts(scope.uncharged),
    used,
    overdraft: scope.overdrafts > 0,
  };
  Object.assign(scope.received, vector());
  Object.assign(scope.charged, vector());
  return state;
}

/**
 * Who waits for an answer keeps nothing meanwhile: what is held of its needs goes to the owner ahead of the Take. Two
 * that held what the other lacks would both be refused.
 */
function yieldHeld(holder: QuotaHolder, admission: Admission, nowMs: number): void {
  for (const part of admission.parts) {
    const scope = holderScopeOf(holder, part.scope, nowMs);
    for (const dimension of DIMENSIONS) {
      const held = Math.min(part.need[dimension], scope.unspent[dimension]);
      if (held === 0) continue;
      scope.unspent[dimension] -= held;
      holder.dirty.add(scope);
      holder.returning.add(scope);
    }
  }
}

function take(holder: QuotaHolder, admission: Admission, nowMs: number): Take {
  const ref = askRef(holder, nowMs);
  admission.ref = ref;
  holder.pending.set(ref, admission);
  return {
    kind: 'take',
    ref,
    scopes: admission.parts.map((part) => {
      const scope = holderScopeOf(holder, part.scope, nowMs);
      const wants = !holder.sentMs.has(scope.wantRef);
      if (wants) scope.wantRef = ref;
      return {
        scope: part.scope,
        need: toAmounts(part.need),
        ...(wants && { want: toAmounts(wantOf(scope, nowMs)) }),
        ...(part.typicalNanoUsd !== undefined && { typicalNanoUsd: part.typicalNanoUsd }),
        ...(part.choice !== undefined && { choice: part.choice }),
      };
    }),
  };
}
