import { DIMENSIONS, vector } from '../dimensions.ts';
import type { Amounts, Dimension } from '../dimensions.ts';
import type { HolderMessage } from '../messages.ts';
import { applyCharge } from './charge.ts';
import type { Charge } from './charge.ts';
import { applyHello, applyState, connect, serveWarm } from './owner-holders.ts';
import { drain, send } from './owner-state.ts';
import type { OwnerOutput, QuotaOwner } from './owner-state.ts';
import { evictIfUnused, freeOf, scheduleEviction, scopeOf } from './scope-books.ts';
import { decide, offer, recall, serve } from './serve.ts';
import { checkHolder, disconnect } from './silence.ts';

export interface ScopeSettings {
  readonly scope: string;
  /** Dimensions that are absent have no limit. */
  readonly limits: Amounts;
  /** Grows with each change that makes what was granted worthless. */
  readonly version: number;
  /** Money that was spent already; read when the scope is loaded, or when a budget begins anew. */
  readonly spentNanoUsd?: number;
  /** No overdraft and nothing offline; the default. */
  readonly hard?: boolean;
}

/** A holder opened a stream: binds it to the epoch, whose events up to `upTo` are charged. */
export function ownerConnect(
  owner: QuotaOwner,
  stream: { readonly connection: string; readonly epoch: string; readonly upTo: number },
  nowMs: number,
): readonly OwnerOutput[] {
  connect(owner, stream, nowMs);
  return drain(owner);
}

/** The stream ended. */
export function ownerDisconnect(owner: QuotaOwner, connection: string, nowMs: number): readonly OwnerOutput[] {
  disconnect(owner, connection, nowMs);
  return drain(owner);
}

/** A message came. It is ignored when its connection was replaced, closed or not opened by a Hello. */
export function ownerReceive(
  owner: QuotaOwner,
  received: { readonly connection: string; readonly message: HolderMessage },
  nowMs: number,
): readonly OwnerOutput[] {
  const { connection, message } = received;
  const record = owner.holders.get(owner.connections.get(connection) ?? '');
  if (record?.connection !== connection || (!record.ready && message.kind !== 'hello')) return drain(owner);
  record.heardMs = nowMs;
  switch (message.kind) {
    case 'hello':
      applyHello(owner, record, { hello: message, nowMs });
      answer(owner, record.epoch, message.ref);
      break;
    case 'state':
      applyState(owner, record, { message, nowMs });
      answer(owner, record.epoch, message.ref);
      break;
    case 'return':
      applyState(owner, record, { message, nowMs });
      break;
    case 'take':
      offer(
        owner,
        {
          record,
          ref: message.ref,
          scopes: message.scopes.map(({ scope, need, want, typicalNanoUsd }) => ({
            scope,
            need: vector(need),
            want: vector(want),
            typicalNanoUsd,
          })),
          arrivedMs: nowMs,
          scope: undefined,
          noticed: [],
        },
        nowMs,
      );
  }
  return drain(owner);
}

/** Loads a scope, or changes it. A newer version makes all holders return what they have of it and ask again. */
export function ownerSetScope(owner: QuotaOwner, settings: ScopeSettings, nowMs: number): readonly OwnerOutput[] {
  const scope = scopeOf(owner, settings.scope);
  const changed = scope.loaded && settings.version !== scope.version;
  scope.loaded = true;
  scope.loading = false;
  scope.version = settings.version;
  scope.hard = settings.hard ?? true;
  for (const dimension of DIMENSIONS) scope.limit[dimension] = settings.limits[dimension] ?? Infinity;
  if (settings.spentNanoUsd !== undefined) scope.spent.nanoUsd = settings.spentNanoUsd;
  if (changed) {
    for (const epoch of owner.connections.values()) {
      send(owner, epoch, { kind: 'changed', scope: scope.id, version: scope.version });
    }
  }
  serve(owner, scope, nowMs);
  scheduleEviction(owner, scope, nowMs);
  return drain(owner);
}

/** Moves money from reserved to spent, and frees what a request of a cut-off or dead holder had. */
export function ownerCharge(owner: QuotaOwner, charge: Charge, nowMs: number): readonly OwnerOutput[] {
  applyCharge(owner, charge, nowMs);
  return drain(owner);
}

/** All events that were published up to this time of the owner's clock are charged. */
export function ownerStreamTime(owner: QuotaOwner, streamMs: number, nowMs: number): readonly OwnerOutput[] {
  owner.streamMs = Math.max(owner.streamMs, streamMs);
  if (owner.byStreamTime) {
    for (const record of owner.holders.values()) {
      if (record.expired && !record.released) checkHolder(owner, record, nowMs);
    }
  }
  return drain(owner);
}

/** When `ownerAdvance` has something to do; Infinity when never. */
export function ownerNextDeadline(owner: QuotaOwner): number {
  return owner.timers.nextMs;
}

/** Does what is due. */
export function ownerAdvance(owner: QuotaOwner, nowMs: number): readonly OwnerOutput[] {
  for (let timer = owner.timers.take(nowMs); timer !== undefined; timer = owner.timers.take(nowMs)) {
    switch (timer.kind) {
      case 'take':
        decide(owner, timer.take, nowMs);
        break;
      case 'wake': {
        const scope = owner.scopes.get(timer.scope);
        if (scope !== undefined) serve(owner, scope, nowMs);
        break;
      }
      case 'holder': {
        const record = owner.holders.get(timer.epoch);
        if (record?.timerMs === timer.atMs) checkHolder(owner, record, nowMs);
        break;
      }
      case 'evict':
        evictIfUnused(owner, timer.scope, nowMs);
        break;
      case 'warm':
        serveWarm(owner, nowMs);
    }
  }
  return drain(owner);
}

function answer(owner: QuotaOwner, epoch: string, ref: number): void {
  send(owner, epoch, { kind: 'grant', ref, ttlMs: owner.ttlMs, overdraft: false, scopes: [] });
}

/** What could be granted of a scope now; negative after a debt. Undefined before it is loaded. */
export function ownerFree(owner: QuotaOwner, scopeId: string, nowMs: number): Amounts | undefined {
  const scope = owner.scopes.get(scopeId);
  if (scope === undefined || !scope.loaded) return undefined;
  return {
    requests: freeOf(scope, 'requests', nowMs),
    tokens: freeOf(scope, 'tokens', nowMs),
    slots: freeOf(scope, 'slots', nowMs),
    nanoUsd: freeOf(scope, 'nanoUsd', nowMs),
  };
}

/** Asks back what is unspent of a scope, for a take that the caller has not put to it yet. */
export function ownerRecall(
  owner: QuotaOwner,
  recalled: { readonly scope: string; readonly dimension: Dimension },
  nowMs: number,
): readonly OwnerOutput[] {
  const scope = owner.scopes.get(recalled.scope);
  if (scope !== undefined) recall(owner, { scope, dimension: recalled.dimension, nowMs });
  return drain(owner);
}

/** The books of a scope: for `reconcile`, metrics and tests. */
export function ownerOutstanding(owner: QuotaOwner, scopeId: string): ReadonlyMap<string, Amounts> {
  const shares = owner.scopes.get(scopeId)?.shares ?? new Map<string, never>();
  return new Map(Array.from(shares, ([epoch, { outstanding }]) => [epoch, { ...outstanding }]));
}
