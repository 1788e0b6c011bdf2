import type { Amounts, Dimension } from './dimensions.ts';

/** Units of a windowed dimension that were used, and how long before the message was sent. */
export interface Use {
  readonly dimension: Dimension;
  readonly ageMs: number;
  readonly amount: number;
}

/** What a holder has of one scope when the message is sent, and what happened since it last said so. */
export interface ScopeState {
  readonly scope: string;
  /** Came in grants since the last state; the rest of what was granted is on its way. */
  readonly received: Amounts;
  /** Learned to be charged since the last state, and left out of `uncharged`. */
  readonly charged: Amounts;
  readonly unspent: Amounts;
  /** Reserved for requests that run or wait. */
  readonly committed: Amounts;
  /** Spent by requests that ended, and not known to be charged. */
  readonly uncharged: Amounts;
  /** Not reported before. */
  readonly used: readonly Use[];
  /** Runs a request that reserved less than its worst case, or its charge is not known. */
  readonly overdraft: boolean;
}

/** Which scopes do as well as the one that a take names; the owner's caller chooses among them. */
export interface Choice {
  /** What a scope has to fit. */
  readonly kind: string;
  readonly exclude: readonly string[];
}

/** What a request needs of one scope. */
export interface TakeScope {
  /** With a choice only a wish. */
  readonly scope: string;
  readonly need: Amounts;
  /** Would be good to have for the requests to come. */
  readonly want?: Amounts;
  /** Serves as well, as the one overdraft of a soft budget, when the need does not fit. */
  readonly typicalNanoUsd?: number | undefined;
  readonly choice?: Choice | undefined;
}

/** The first message after each Welcome, with everything that the holder has: what is not in it is not held. */
export interface Hello {
  readonly kind: 'hello';
  readonly ref: number;
  readonly epoch: string;
  /** How many requests the holder has admitted in its life, and the last number of an event of those that ended. */
  readonly opened: number;
  readonly ended: number;
  readonly states: readonly ScopeState[];
}

/** All scopes or none. */
export interface Take {
  readonly kind: 'take';
  readonly ref: number;
  readonly scopes: readonly TakeScope[];
}

/** Each second, also when nothing changed, as its answer keeps the holder's slices alive. */
export interface State {
  readonly kind: 'state';
  readonly ref: number;
  readonly opened: number;
  readonly ended: number;
  readonly states: readonly ScopeState[];
}

/** A state out of turn, because something came free. It has no answer. */
export interface Return {
  readonly kind: 'return';
  readonly ref: number;
  readonly opened: number;
  readonly ended: number;
  readonly states: readonly ScopeState[];
}

/** From a holder to the owner; `ref` grows with each message of an epoch. */
export type HolderMessage = Hello | Take | State | Return;

/** The owner's Hello, the first message on a stream. */
export interface Welcome {
  readonly kind: 'welcome';
  readonly ttlMs: number;
  readonly holders: number;
  /** The holder's events up to this number are charged. */
  readonly upTo: number;
  /** The last message of this epoch whose use this owner has in its memory. */
  readonly seen: number;
}

export interface GrantScope {
  readonly scope: string;
  readonly add: Amounts;
  readonly version: number;
  /** What the holder may have in use at once, or in a window, while no owner can be reached; of money: may spend. */
  readonly offline: Amounts;
  /** What nobody holds or has used, after this grant; for people to be told. Absent where holders tell nobody. */
  readonly left?: Amounts | undefined;
}

/** The answer to a Take, and, with no scopes, to a Hello or State. */
export interface Grant {
  readonly kind: 'grant';
  readonly ref: number;
  /** Runs from when the message that is answered was sent. */
  readonly ttlMs: number;
  /** Only the typical cost was reserved. */
  readonly overdraft: boolean;
  readonly scopes: readonly GrantScope[];
}

export interface Deny {
  readonly kind: 'deny';
  readonly ref: number;
  /** `limit`: it would pass a limit. `unavailable`: the owner cannot tell yet. */
  readonly reason: 'limit' | 'unavailable';
  readonly scope: string;
  readonly dimension: Dimension | undefined;
  /** When the window will have room; undefined where time alone does not bring it. */
  readonly retryAfterMs: number | undefined;
  /** What of the dimension could be had now: affordable tokens follow from it by the request's price. */
  readonly affordable: number;
}

/** Return what is unspent, and for a while whatever comes free. */
export interface Recall {
  readonly kind: 'recall';
  readonly scope: string;
  readonly dimensions: readonly Dimension[];
}

/** A denial need not hold any more; with a newer version, nothing that was granted does. */
export interface Changed {
  readonly kind: 'changed';
  readonly scope: string;
  readonly version: number;
}

/** The holder's events 1..upTo are charged. */
export interface Committed {
  readonly kind: 'committed';
  readonly upTo: number;
}

/** From the owner to a holder. The stream puts the owner's term on each: lower ones are dropped. */
export type OwnerMessage = Welcome | Grant | Deny | Recall | Changed | Committed;
