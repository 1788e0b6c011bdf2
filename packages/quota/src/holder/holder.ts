import { DIMENSIONS, toAmounts } from '../dimensions.ts';
import type { Amounts, Dimension } from '../dimensions.ts';
import type { OwnerMessage } from '../messages.ts';
import { decideAlone } from './admit.ts';
import { hasMessages, holdsAnything } from './flush.ts';
import { applyOwnerMessage } from './holder-receive.ts';
import { drainEvents, holderScopeOf, leave, refresh } from './holder-state.ts';
import type { HolderEvent, QuotaHolder } from './holder-state.ts';
import { returnUnspent } from './slices.ts';

/** A stream to an owner is open; its Welcome has to come. */
export function holderConnect(holder: QuotaHolder, connection: string, nowMs: number): void {
  leave(holder, nowMs);
  holder.connection = connection;
}

/** The stream ended. */
export function holderDisconnect(holder: QuotaHolder, connection: string, nowMs: number): void {
  if (holder.connection === connection) leave(holder, nowMs);
}

/** A message came, from the owner of this term. It is ignored on a stream that was left. */
export function holderReceive(
  holder: QuotaHolder,
  received: { readonly connection: string; readonly term: number; readonly message: OwnerMessage },
  nowMs: number,
): readonly HolderEvent[] {
  endWaits(holder, nowMs);
  refresh(holder, nowMs);
  if (received.connection === holder.connection) applyOwnerMessage(holder, received, nowMs);
  return drainEvents(holder);
}

/** When `holderAdvance` and `flush` have something to do; -Infinity is at once. */
export function holderNextDeadline(holder: QuotaHolder): number {
  if (holder.events.length > 0 || hasMessages(holder)) return -Infinity;
  return Math.min(holder.timers.nextMs, holder.welcomed ? holder.nextStateMs : Infinity);
}

/** Does what is due. */
export function holderAdvance(holder: QuotaHolder, nowMs: number): readonly HolderEvent[] {
  refresh(holder, nowMs);
  endWaits(holder, nowMs);
  return drainEvents(holder);
}

/** What of a scope could be given to a request without asking. */
export function holderUnspent(holder: QuotaHolder, scopeId: string, nowMs: number): Amounts {
  refresh(holder, nowMs);
  return holder.scopes.has(scopeId) ? toAmounts(holderScopeOf(holder, scopeId, nowMs).unspent) : {};
}

/** About how much of a scope is left, as far as it is known: what the owner said last, and what is held of it here. */
export function holderLeft(holder: QuotaHolder, scopeId: string): Amounts | undefined {
  const scope = holder.scopes.get(scopeId);
  if (scope?.left === undefined) return undefined;
  const left: { -readonly [D in Dimension]?: number } = {};
  for (const dimension of DIMENSIONS) {
    const beside = scope.left[dimension];
    if (beside !== undefined) left[dimension] = beside + scope.unspent[dimension];
  }
  return left;
}

function endWaits(holder: QuotaHolder, nowMs: number): void {
  for (let timer = holder.timers.take(nowMs); timer !== undefined; timer = holder.timers.take(nowMs)) {
    if (timer.kind === 'idle') {
      endIdle(holder, timer.scope, nowMs);
    } else if (timer.admission.state === 'waiting') {
      const { admission } = timer;
      decideAlone(holder, admission, nowMs);
      holder.events.push({ kind: admission.offline ? 'admitted' : 'denied', admission });
    }
  }
}

/** Returns what nobody used for a while, and forgets what says nothing any more. */
function endIdle(holder: QuotaHolder, id: string, nowMs: number): void {
  const scope = holder.scopes.get(id);
  if (scope === undefined) return;
  const idleMs = scope.lastUsedMs + holder.idleMs;
  if (nowMs < idleMs) {
    holder.timers.add(idleMs, { kind: 'idle', scope: id });
    return;
  }
  // Cut off it keeps what it may not get again.
  if (holder.welcomed) returnUnspent(holder, holderScopeOf(holder, id, nowMs), DIMENSIONS);
  const used = DIMENSIONS.some((dimension) => scope.uses[dimension]?.isEmpty(nowMs) === false);
  if (used || holdsAnything(scope) || holder.dirty.has(scope)) {
    holder.timers.add(nowMs + holder.idleMs, { kind: 'idle', scope: id });
  } else {
    holder.scopes.delete(id);
    holder.returning.delete(scope);
  }
}
