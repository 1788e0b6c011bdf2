import { Deadlines } from '../deadlines.ts';
import type { Dimension, Vector } from '../dimensions.ts';
import type { OwnerMessage, TakeScope } from '../messages.ts';
import type { SlidingWindow } from '../sliding-window.ts';
import { WARM_UP_WAIT_MS } from '../timing.ts';

export interface OwnerOptions {
  /** 15 s by default. */
  readonly ttlMs?: number;
  /**
   * How long a request can run that a holder admitted before it fell silent. What it reserved stays reserved for so
   * long after the ttl, unless its charge comes first. 0 gives all back at the ttl.
   */
  readonly longestRequestMs: number;
  /** Count that time by `streamTime`, since a charge may come late; else by the clock. */
  readonly byStreamTime: boolean;
  /**
   * What a request only borrows, its slot, comes back with the ttl (false by default): nothing is spent of it, and who
   * lost its node would be locked out for as long as the longest request.
   */
  readonly borrowedEndsWithTtl?: boolean;
  /**
   * Name with each grant what may be used without an owner, and what is left (true by default); holders that do not fail
   * open and tell nobody need it not.
   */
  readonly offline?: boolean;
  /** After a failover: the epochs that may hold something of the owner before. */
  readonly knownHolders?: readonly string[];
}

/** What the caller has to do; messages of one call to one connection are best sent together. */
export type OwnerOutput =
  | { readonly kind: 'send'; readonly connection: string; readonly message: OwnerMessage }
  /** A take waits for `setScope`. */
  | { readonly kind: 'load'; readonly scope: string }
  /** The connection is of no more use to its holder, which has to connect again. */
  | { readonly kind: 'close'; readonly connection: string }
  /** Nothing is remembered of the scope any more; what it spent has to come with the next `setScope`. */
  | { readonly kind: 'evicted'; readonly scope: string }
  /** A holder that fell silent has nothing left that could matter. */
  | { readonly kind: 'gone'; readonly epoch: string };

/** What one holder has of one scope. */
export interface Share {
  /** Counted against the limit: on its way, unspent, committed and uncharged. */
  readonly outstanding: Vector;
  /** Granted, and in no state yet. */
  readonly inFlight: Vector;
  /** The part of it that no request waited for. */
  readonly inFlightWant: Vector;
  /** As of the last state. It is what expires. */
  readonly unspent: Vector;
  /** Charged, and the holder did not know yet in its last state. */
  readonly chargedAhead: Vector;
  overdraft: boolean;
  readonly recalledMs: Vector;
  /** What it had at its Hello and got since, while other known holders have not said Hello. */
  readonly warm: Vector;
}

export interface OwnerScope {
  readonly id: string;
  loaded: boolean;
  loading: boolean;
  /** Infinity where there is none. */
  readonly limit: Vector;
  hard: boolean;
  version: number;
  readonly spent: Vector;
  readonly windows: { readonly [D in Dimension]?: SlidingWindow };
  readonly outstanding: Vector;
  readonly shares: Map<string, Share>;
  /** First come, first served. A take of several scopes stands where the first thing is that it lacks. */
  readonly waiting: Set<WaitingTake>;
  wakeMs: number;
  /** Who believes in a denial now. */
  readonly denied: Set<string>;
  deniedMs: number;
  evictionDue: boolean;
}

/** What was counted as used when a silent holder's ttl ran out; its Hello tells the truth. */
export interface PresumedUse {
  readonly scope: string;
  readonly dimension: Dimension;
  readonly atMs: number;
  readonly amount: number;
}

export interface HolderRecord {
  readonly epoch: string;
  connection: string | undefined;
  /** Its Hello has come on this connection. */
  ready: boolean;
  heardMs: number;
  seen: number;
  opened: number;
  ended: number;
  /** Its unspent is taken back: the ttl has passed. */
  expired: boolean;
  released: boolean;
  readonly shares: Map<string, Share>;
  presumed: PresumedUse[];
  readonly takes: Set<WaitingTake>;
  /** The one timer that counts. */
  timerMs: number;
  /** Charges between Welcome and Hello, which the Hello cannot know. */
  readonly handshakeCharges: Map<string, Vector>;
}

export interface WaitingTake {
  readonly record: HolderRecord;
  readonly ref: number;
  readonly scopes: readonly ParsedTakeScope[];
  readonly arrivedMs: number;
  /** In whose queue it stands. */
  scope: OwnerScope | undefined;
  /** What was in its way, each since when first. */
  readonly noticed: Notice[];
}

interface Notice {
  readonly scope: string;
  readonly dimension: Dimension | undefined;
  readonly atMs: number;
}

export interface ParsedTakeScope {
  readonly scope: string;
  readonly need: Vector;
  readonly want: Vector;
  readonly typicalNanoUsd: TakeScope['typicalNanoUsd'];
}

export type OwnerTimer =
  | { readonly kind: 'take'; readonly take: WaitingTake }
  | { readonly kind: 'wake'; readonly scope: string }
  | { readonly kind: 'holder'; readonly epoch: string; readonly atMs: number }
  | { readonly kind: 'evict'; readonly scope: string }
  | { readonly kind: 'warm' };

/**
 * The memory of the owner of one partition or pool. The functions of this package change it in place, since a copy of
 * 100,000 accounts for each message would cost more than all the rest; they are deterministic all the same.
 */
export interface QuotaOwner {
  readonly term: number;
  readonly ttlMs: number;
  readonly longestRequestMs: number;
  readonly byStreamTime: boolean;
  readonly borrowedEndsWithTtl: boolean;
  readonly offline: boolean;
  readonly scopes: Map<string, OwnerScope>;
  readonly holders: Map<string, HolderRecord>;
  /** The epoch of each connection. */
  readonly connections: Map<string, string>;
  /** Not yet heard of since the failover; empty when the memory is complete. */
  readonly missing: Set<string>;
  readonly knownCount: number;
  readonly startedMs: number;
  /** Scopes with takes that wait for the missing. */
  readonly warmWaiting: Set<string>;
  readonly timers: Deadlines<OwnerTimer>;
  streamMs: number;
  outputs: OwnerOutput[];
}

export function createOwner(term: number, nowMs: number, options: OwnerOptions): QuotaOwner {
  const ttlMs = options.ttlMs ?? 15_000;
  const missing = new Set(options.knownHolders);
  const owner: QuotaOwner = {
    term,
    ttlMs,
    longestRequestMs: options.longestRequestMs,
    byStreamTime: options.byStreamTime,
    borrowedEndsWithTtl: options.borrowedEndsWithTtl ?? false,
    offline: options.offline ?? true,
    scopes: new Map(),
    holders: new Map(),
    connections: new Map(),
    missing,
    knownCount: missing.size,
    startedMs: nowMs,
    warmWaiting: new Set(),
    timers: new Deadlines(),
    streamMs: -Infinity,
    outputs: [],
  };
  if (missing.size > 0) {
    owner.timers.add(nowMs + WARM_UP_WAIT_MS, { kind: 'warm' });
    owner.timers.add(nowMs + ttlMs, { kind: 'warm' });
  }
  return owner;
}

/** What has come together since the last call. */
export function drain(owner: QuotaOwner): readonly OwnerOutput[] {
  const { outputs } = owner;
  owner.outputs = [];
  return outputs;
}

/** To the holder's connection, if it has one. */
export function send(owner: QuotaOwner, epoch: string, message: OwnerMessage): void {
  const connection = owner.holders.get(epoch)?.connection;
  if (connection !== undefined) owner.outputs.push({ kind: 'send', connection, message });
}
