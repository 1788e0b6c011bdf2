import { Deadlines } from '../deadlines.ts';
import { vector } from '../dimensions.ts';
import type { Amounts, Dimension, Vector } from '../dimensions.ts';
import type { Choice, Deny } from '../messages.ts';
import { UseLog } from '../use-log.ts';

export interface HolderOptions {
  /** One run of the process. */
  readonly epoch: string;
  /** How long slices stay good beyond their ttl while no owner can be reached (0 by default). */
  readonly outageGraceMs?: number;
  /** Admit within what the owner named for the time without it (true by default). */
  readonly failOpen?: boolean;
  /** Keep what comes free, for the requests to come (true by default); else all of it goes back at once. */
  readonly keep?: boolean;
  /** 10 s by default. */
  readonly idleMs?: number;
  /** 1 s by default. */
  readonly stateEveryMs?: number;
}

/** What a request needs of one scope. */
export interface ScopeNeed {
  readonly scope: string;
  readonly need: Amounts;
  /** Of a soft budget: what is reserved when the worst case does not fit. */
  readonly typicalNanoUsd?: number;
  /** Another scope does as well: `admission.parts` tells which one it became. Only for a request with one scope. */
  readonly choice?: Choice | undefined;
}

/** Why a request is refused: by a limit, or because no owner can tell. */
export type Denial = Pick<Deny, 'reason' | 'scope' | 'dimension' | 'retryAfterMs' | 'affordable'>;

/** A request's way through the quota. It belongs to this package: others only read it. */
export interface Admission {
  state: 'waiting' | 'running' | 'denied' | 'ended';
  readonly parts: readonly AdmissionPart[];
  /** Its number among those admitted; its usage event carries it. */
  opened: number;
  /** Admitted without an owner. */
  offline: boolean;
  /** Since when the owner was away that it was admitted without. */
  awaySinceMs: number | undefined;
  denial: Denial | undefined;
  /** The Take that asks for it. */
  ref: number | undefined;
}

export interface AdmissionPart {
  /** Where there is a choice, the wish until something is granted. */
  scope: string;
  readonly choice: Choice | undefined;
  /** What is reserved, or will be. */
  readonly need: Vector;
  readonly typicalNanoUsd: number | undefined;
  overdraft: boolean;
  /** What of `need` the offline grant gave. */
  offlineNanoUsd: number;
}

export interface HolderScope {
  readonly id: string;
  /** Of which life of the slices `unspent` is. */
  era: number;
  readonly unspent: Vector;
  readonly committed: Vector;
  readonly uncharged: Vector;
  /** Since the last state. */
  readonly received: Vector;
  readonly charged: Vector;
  readonly uses: { readonly [D in Dimension]?: UseLog };
  readonly demand: Vector;
  demandMs: number;
  lastUsedMs: number;
  version: number;
  offline: Amounts | undefined;
  /** What the owner said last is left beside all that is held. */
  left: Amounts | undefined;
  /** Money that was taken of `offline`. */
  readonly offlineTaken: Vector;
  readonly recalledUntilMs: Vector;
  denied: { readonly untilMs: number; readonly need: number; readonly denial: Denial } | undefined;
  /** The last Take that asked for more than it needed; the next does when this is answered. */
  wantRef: number;
  /** Requests by their typical cost that are not known to be charged. */
  overdrafts: number;
  /** Those of them that run. */
  overdrawing: number;
}

export type HolderEvent =
  | { readonly kind: 'admitted' | 'denied'; readonly admission: Admission }
  /** The stream is of no more use: close it and open a new one, to whoever is the owner now. */
  | { readonly kind: 'close'; readonly connection: string };

export type HolderTimer =
  | { readonly kind: 'wait'; readonly admission: Admission }
  | { readonly kind: 'idle'; readonly scope: string };

interface Uncharged {
  readonly scope: string;
  readonly dimension: Dimension;
  readonly amount: number;
  readonly overdraft: boolean;
}

/** What one process holds of one owner's scopes. Changed in place by the functions of this package. */
export interface QuotaHolder {
  readonly epoch: string;
  readonly outageGraceMs: number;
  readonly failOpen: boolean;
  readonly keep: boolean;
  readonly idleMs: number;
  readonly stateEveryMs: number;
  readonly scopes: Map<string, HolderScope>;
  connection: string | undefined;
  /** The highest that was heard of. */
  term: number;
  /** Its owner has said Welcome on this connection. */
  welcomed: boolean;
  /** When the next flush has to begin with a Hello: what the owner has seen. */
  helloSeen: number | undefined;
  awaySinceMs: number;
  ttlMs: number;
  /** Slices are good until then. */
  validUntilMs: number;
  valid: boolean;
  era: number;
  lastRef: number;
  readonly sentMs: Map<number, number>;
  readonly pending: Map<number, Admission>;
  queue: Admission[];
  readonly dirty: Set<HolderScope>;
  /** To be reported at once. */
  readonly returning: Set<HolderScope>;
  nextStateMs: number;
  opened: number;
  /** The highest number of an event of a request that ended. */
  ended: number;
  /** By the number of the event. */
  readonly uncharged: Map<number, Uncharged[]>;
  chargedUpTo: number;
  readonly timers: Deadlines<HolderTimer>;
  events: HolderEvent[];
}

export function createHolder(options: HolderOptions, nowMs: number): QuotaHolder {
  return {
    epoch: options.epoch,
    outageGraceMs: options.outageGraceMs ?? 0,
    failOpen: options.failOpen ?? true,
    keep: options.keep ?? true,
    idleMs: options.idleMs ?? 10_000,
    stateEveryMs: options.stateEveryMs ?? 1000,
    scopes: new Map(),
    connection: undefined,
    term: 0,
    welcomed: false,
    helloSeen: undefined,
    awaySinceMs: nowMs,
    ttlMs: 0,
    validUntilMs: -Infinity,
    valid: false,
    era: 0,
    lastRef: 0,
    sentMs: new Map(),
    pending: new Map(),
    queue: [],
    dirty: new Set(),
    returning: new Set(),
    nextStateMs: nowMs,
    opened: 0,
    ended: 0,
    uncharged: new Map(),
    chargedUpTo: 0,
    timers: new Deadlines(),
    events: [],
  };
}

export function drainEvents(holder: QuotaHolder): readonly HolderEvent[] {
  const { events } = holder;
  holder.events = [];
  return events;
}

/** The scope as it stands now: slices of a life that ended are gone. */
export function holderScopeOf(holder: QuotaHolder, id: string, nowMs: number): HolderScope {
  let scope = holder.scopes.get(id);
  if (scope === undefined) {
    scope = {
      id,
      era: holder.era,
      unspent: vector(),
      committed: vector(),
      uncharged: vector(),
      received: vector(),
      charged: vector(),
      uses: { requests: new UseLog(), tokens: new UseLog() },
      demand: vector(),
      demandMs: nowMs,
      lastUsedMs: nowMs,
      version: 0,
      offline: undefined,
      left: undefined,
      offlineTaken: vector(),
      recalledUntilMs: { requests: -Infinity, tokens: -Infinity, slots: -Infinity, nanoUsd: -Infinity },
      denied: undefined,
      wantRef: 0,
      overdrafts: 0,
      overdrawing: 0,
    };
    holder.scopes.set(id, scope);
    holder.timers.add(nowMs + holder.idleMs, { kind: 'idle', scope: id });
  }
  if (scope.era !== holder.era) {
    scope.era = holder.era;
    Object.assign(scope.unspent, vector());
    holder.dirty.add(scope);
  }
  return scope;
}

/** Ends the life of slices whose ttl is over; a connection on which it ended has to be opened anew. */
export function refresh(holder: QuotaHolder, nowMs: number): void {
  if (!holder.valid || nowMs < holder.validUntilMs) return;
  if (holder.welcomed && holder.connection !== undefined) {
    holder.events.push({ kind: 'close', connection: holder.connection });
    leave(holder, nowMs);
  }
  if (nowMs >= holder.validUntilMs + holder.outageGraceMs) endSlices(holder);
}

export function endSlices(holder: QuotaHolder): void {
  holder.valid = false;
  holder.era++;
}

/** Without a connection; who waits for an answer asks the next owner. */
export function leave(holder: QuotaHolder, nowMs: number): void {
  holder.connection = undefined;
  if (holder.welcomed) holder.awaySinceMs = nowMs;
  holder.welcomed = false;
  holder.helloSeen = undefined;
  for (const admission of holder.pending.values()) {
    admission.ref = undefined;
    holder.queue.push(admission);
  }
  holder.pending.clear();
  holder.sentMs.clear();
}
