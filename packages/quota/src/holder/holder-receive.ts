import { DIMENSIONS, vector } from '../dimensions.ts';
import type { Committed, Deny, Grant, OwnerMessage, Recall, Welcome } from '../messages.ts';
import { CLOCK_DRIFT, DENIAL_MS, RECALL_FORCE_MS } from '../timing.ts';
import { decideAlone, refuse, start } from './admit.ts';
import { endSlices, holderScopeOf, leave } from './holder-state.ts';
import type { Admission, QuotaHolder } from './holder-state.ts';
import { giveBack, returnUnspent } from './slices.ts';

/** One message of the owner of this term; what an earlier owner says is dropped, and its connection with it. */
export function applyOwnerMessage(
  holder: QuotaHolder,
  received: { readonly term: number; readonly message: OwnerMessage },
  nowMs: number,
): void {
  const { term, message } = received;
  if (term < holder.term) {
    if (holder.connection !== undefined) holder.events.push({ kind: 'close', connection: holder.connection });
    leave(holder, nowMs);
    return;
  }
  if (message.kind === 'welcome') {
    holder.term = term;
    applyWelcome(holder, message, nowMs);
    return;
  }
  // Before Welcome nothing is meant for what is held now.
  if (!holder.welcomed || term !== holder.term) return;
  switch (message.kind) {
    case 'grant':
      applyGrant(holder, message, nowMs);
      return;
    case 'deny':
      applyDeny(holder, message, nowMs);
      return;
    case 'recall':
      applyRecall(holder, message, nowMs);
      return;
    case 'changed': {
      const scope = holder.scopes.get(message.scope);
      if (scope === undefined) return;
      scope.denied = undefined;
      if (message.version > scope.version) returnUnspent(holder, scope, DIMENSIONS);
      scope.version = message.version;
      return;
    }
    case 'committed':
      applyCommitted(holder, message);
  }
}

function applyWelcome(holder: QuotaHolder, message: Welcome, nowMs: number): void {
  if (holder.valid && nowMs >= holder.validUntilMs) endSlices(holder);
  applyCommitted(holder, { kind: 'committed', upTo: message.upTo });
  for (const scope of holder.scopes.values()) {
    Object.assign(scope.received, vector());
    Object.assign(scope.charged, vector());
    Object.assign(scope.offlineTaken, vector());
  }
  holder.ttlMs = message.ttlMs;
  holder.welcomed = true;
  holder.helloSeen = message.seen;
  holder.awaySinceMs = Infinity;
}

function applyGrant(holder: QuotaHolder, message: Grant, nowMs: number): void {
  const { ref, ttlMs, overdraft } = message;
  const sentMs = holder.sentMs.get(ref) ?? -Infinity;
  holder.sentMs.delete(ref);
  holder.validUntilMs = Math.max(holder.validUntilMs, sentMs + ttlMs * (1 - CLOCK_DRIFT));
  holder.valid ||= nowMs < holder.validUntilMs;
  const admission = holder.pending.get(ref);
  holder.pending.delete(ref);
  if (admission !== undefined) takeChosen(admission, message);
  for (const { scope: id, add, version, offline, left } of message.scopes) {
    const scope = holderScopeOf(holder, id, nowMs);
    scope.version = version;
    scope.offline = offline;
    scope.left = left;
    scope.denied = undefined;
    holder.dirty.add(scope);
    const part = admission?.parts.find((candidate) => candidate.scope === id);
    if (overdraft && part?.typicalNanoUsd !== undefined) {
      part.need.nanoUsd = part.typicalNanoUsd;
      part.overdraft = true;
      scope.overdrafts++;
      scope.overdrawing++;
    }
    for (const dimension of DIMENSIONS) {
      const amount = add[dimension] ?? 0;
      const need = part?.need[dimension] ?? 0;
      scope.received[dimension] += amount;
      scope.committed[dimension] += need;
      giveBack(holder, scope, { dimension, amount: amount - need, nowMs });
    }
  }
  if (admission === undefined) return;
  start(holder, admission, nowMs);
  holder.events.push({ kind: 'admitted', admission });
}

/** The owner's choice is the request's scope from here on. */
function takeChosen({ parts }: Admission, { scopes }: Grant): void {
  const [part] = parts;
  const [granted] = scopes;
  if (part?.choice !== undefined && granted !== undefined) part.scope = granted.scope;
}

function applyDeny(holder: QuotaHolder, message: Deny, nowMs: number): void {
  const { ref, reason, scope: id, dimension, retryAfterMs, affordable } = message;
  holder.sentMs.delete(ref);
  const admission = holder.pending.get(ref);
  if (admission === undefined) return;
  holder.pending.delete(ref);
  if (reason === 'unavailable') {
    decideAlone(holder, admission, nowMs);
    holder.events.push({ kind: admission.state === 'running' ? 'admitted' : 'denied', admission });
    return;
  }
  const denial = { reason, scope: id, dimension, retryAfterMs, affordable };
  refuse(holder, admission, denial);
  const need = admission.parts.find((part) => part.scope === id)?.need;
  const isChoice = admission.parts.some(({ choice }) => choice !== undefined);
  if (dimension !== undefined && need !== undefined && !isChoice) {
    const scope = holderScopeOf(holder, id, nowMs);
    scope.denied = { untilMs: nowMs + DENIAL_MS, need: need[dimension], denial };
  }
  holder.events.push({ kind: 'denied', admission });
}

function applyRecall(holder: QuotaHolder, message: Recall, nowMs: number): void {
  const scope = holderScopeOf(holder, message.scope, nowMs);
  for (const dimension of message.dimensions) scope.recalledUntilMs[dimension] = nowMs + RECALL_FORCE_MS;
  returnUnspent(holder, scope, message.dimensions);
}

function applyCommitted(holder: QuotaHolder, message: Committed): void {
  while (holder.chargedUpTo < message.upTo) {
    const event = ++holder.chargedUpTo;
    for (const { scope: id, dimension, amount, overdraft } of holder.uncharged.get(event) ?? []) {
      const scope = holder.scopes.get(id);
      if (scope === undefined) continue;
      scope.uncharged[dimension] -= amount;
      scope.charged[dimension] += amount;
      if (overdraft) scope.overdrafts--;
      holder.dirty.add(scope);
    }
    holder.uncharged.delete(event);
  }
}
