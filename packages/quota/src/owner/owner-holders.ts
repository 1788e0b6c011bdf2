import { DIMENSIONS, vector } from '../dimensions.ts';
import type { Hello, Return, ScopeState, State } from '../messages.ts';
import type { HolderRecord, OwnerScope, QuotaOwner, Share } from './owner-state.ts';
import { addUse, dropShareIfEmpty, isWarming, scopeOf, setOutstanding, shareOf } from './scope-books.ts';
import { serve } from './serve.ts';
import { disconnect, watch } from './silence.ts';

/** Binds the connection to the epoch, and answers with Welcome; the connection before is worth nothing any more. */
export function connect(
  owner: QuotaOwner,
  stream: { readonly connection: string; readonly epoch: string; readonly upTo: number },
  nowMs: number,
): void {
  const { connection, epoch, upTo } = stream;
  let record = owner.holders.get(epoch);
  if (record === undefined) {
    record = {
      epoch,
      connection: undefined,
      ready: false,
      heardMs: nowMs,
      seen: 0,
      opened: 0,
      ended: 0,
      expired: false,
      released: false,
      shares: new Map(),
      presumed: [],
      handshakeCharges: new Map(),
      takes: new Set(),
      timerMs: Infinity,
    };
    owner.holders.set(epoch, record);
    watch(owner, record, nowMs + owner.ttlMs);
  }
  if (record.connection !== undefined) disconnect(owner, record.connection, nowMs);
  record.connection = connection;
  record.ready = false;
  record.handshakeCharges.clear();
  owner.connections.set(connection, epoch);
  owner.outputs.push({
    kind: 'send',
    connection,
    message: { kind: 'welcome', ttlMs: owner.ttlMs, holders: owner.connections.size, upTo, seen: record.seen },
  });
}

/** What the holder says here replaces all that was known of it. */
export function applyHello(owner: QuotaOwner, record: HolderRecord, options: { hello: Hello; nowMs: number }): void {
  const { hello, nowMs } = options;
  for (const { scope, dimension, atMs, amount } of record.presumed) {
    owner.scopes.get(scope)?.windows[dimension]?.remove(atMs, amount);
  }
  record.presumed = [];
  record.ready = true;
  record.expired = false;
  record.released = false;
  watch(owner, record, nowMs + owner.ttlMs);
  const touched = new Set<OwnerScope>();
  for (const [id, share] of record.shares) {
    const scope = scopeOf(owner, id);
    for (const dimension of DIMENSIONS) {
      share.inFlight[dimension] = 0;
      share.inFlightWant[dimension] = 0;
      share.unspent[dimension] = 0;
      share.chargedAhead[dimension] = 0;
      share.recalledMs[dimension] = -Infinity;
      setOutstanding(scope, share, { dimension, to: 0 });
    }
    share.overdraft = false;
    touched.add(scope);
  }
  for (const state of hello.states) {
    const scope = scopeOf(owner, state.scope);
    const share = shareOf(record, scope);
    Object.assign(share.chargedAhead, record.handshakeCharges.get(state.scope) ?? vector());
    applyScopeState(share, { scope, state, nowMs });
    for (const dimension of DIMENSIONS) share.warm[dimension] = share.outstanding[dimension];
    for (const { dimension, amount } of state.used) share.warm[dimension] += amount;
    touched.add(scope);
  }
  record.handshakeCharges.clear();
  note(record, hello);
  for (const scope of touched) {
    dropShareIfEmpty(owner, { record, scope }, nowMs);
    serve(owner, scope, nowMs);
  }
  if (owner.missing.delete(record.epoch) && !isWarming(owner)) serveWarm(owner, nowMs);
}

export function applyState(
  owner: QuotaOwner,
  record: HolderRecord,
  options: { message: State | Return; nowMs: number },
): void {
  const { message, nowMs } = options;
  note(record, message);
  for (const state of message.states) {
    const scope = scopeOf(owner, state.scope);
    const share = shareOf(record, scope);
    const outstanding = { ...scope.outstanding };
    applyScopeState(share, { scope, state, nowMs });
    dropShareIfEmpty(owner, { record, scope }, nowMs);
    if (DIMENSIONS.some((dimension) => scope.outstanding[dimension] < outstanding[dimension])) {
      serve(owner, scope, nowMs);
    }
  }
}

/** Nobody is missing any more, or who is present need not wait for them any more. */
export function serveWarm(owner: QuotaOwner, nowMs: number): void {
  if (nowMs >= owner.startedMs + owner.ttlMs) {
    for (const epoch of owner.missing) owner.outputs.push({ kind: 'gone', epoch });
    owner.missing.clear();
  }
  for (const id of owner.warmWaiting) {
    const scope = owner.scopes.get(id);
    if (scope !== undefined) serve(owner, scope, nowMs);
    if (!isWarming(owner) || scope === undefined || scope.waiting.size === 0) owner.warmWaiting.delete(id);
  }
}

function note(record: HolderRecord, message: Hello | State | Return): void {
  record.seen = message.ref;
  record.opened = Math.max(record.opened, message.opened);
  record.ended = Math.max(record.ended, message.ended);
}

function applyScopeState(share: Share, options: { scope: OwnerScope; state: ScopeState; nowMs: number }): void {
  const { scope, state, nowMs } = options;
  for (const { dimension, ageMs, amount } of state.used) addUse(scope, dimension, { atMs: nowMs - ageMs, amount });
  for (const dimension of DIMENSIONS) {
    share.inFlight[dimension] = Math.max(0, share.inFlight[dimension] - (state.received[dimension] ?? 0));
    share.inFlightWant[dimension] = Math.min(share.inFlightWant[dimension], share.inFlight[dimension]);
    share.chargedAhead[dimension] = Math.max(0, share.chargedAhead[dimension] - (state.charged[dimension] ?? 0));
    share.unspent[dimension] = state.unspent[dimension] ?? 0;
    const held = share.unspent[dimension] + (state.committed[dimension] ?? 0) + (state.uncharged[dimension] ?? 0);
    const to = share.inFlight[dimension] + held - share.chargedAhead[dimension];
    setOutstanding(scope, share, { dimension, to });
  }
  share.overdraft = state.overdraft || (share.overdraft && share.inFlight.nanoUsd > 0);
}
