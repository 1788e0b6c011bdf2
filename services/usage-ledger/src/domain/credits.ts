/** Spent in this order. */
export type Purse = 'credits' | 'refCredits';

/** All that was ever given and spent, in nano-USD; what is left follows from it. */
export interface Purses {
  readonly credits: bigint;
  readonly refCredits: bigint;
  readonly spent: bigint;
}

export const EMPTY_PURSES: Purses = { credits: 0n, refCredits: 0n, spent: 0n };

export interface PurseShares {
  readonly credits: bigint;
  readonly refCredits: bigint;
}

export type CreditKind = 'top_up' | 'grant' | 'adjust' | 'refund' | 'void';

/** The purse that each kind of entry goes to; undefined: it says so itself. What is given back is given as credits. */
export const PURSE_OF: Record<CreditKind, Purse | undefined> = {
  top_up: 'credits',
  grant: 'refCredits',
  adjust: undefined,
  refund: 'credits',
  void: 'credits',
};

/** A line in an account's books that an operator wrote, or that was written for him. */
export interface CreditEntry {
  readonly id: string;
  readonly tenantId: string;
  readonly kind: CreditKind;
  readonly purse: Purse;
  /** Negative where something is taken. */
  readonly nanoUsd: bigint;
  readonly actor: string;
  readonly reason: string;
  /** The request whose charge is given back. */
  readonly requestId: string | undefined;
  readonly at: Date;
  /** What the account had then. */
  readonly balanceNanoUsd: bigint;
}

export function balanceOf({ credits, refCredits, spent }: Purses): bigint {
  return credits + refCredits - spent;
}

/**
 * What is left in each purse. Only totals count: refCredits are touched when credits are used up, credits that come
 * later pay that back first, and a debt is one of credits.
 */
export function remainingOf({ credits, refCredits, spent }: Purses): PurseShares {
  const left = credits - spent;
  if (left >= 0n) return { credits: left, refCredits };
  const taken = smaller(larger(refCredits, 0n), -left);
  return { credits: left + taken, refCredits: refCredits - taken };
}

/** Which part of a cost each purse bears; what neither has is a debt of credits. */
export function splitSpend(purses: Purses, costNanoUsd: bigint): PurseShares {
  const before = remainingOf(purses);
  const after = remainingOf({ ...purses, spent: purses.spent + costNanoUsd });
  return { credits: before.credits - after.credits, refCredits: before.refCredits - after.refCredits };
}

/** The purse that bears a request which is charged now: the one that its first nano-dollar comes from. */
export function creditTypeOf(purses: Purses): Purse {
  const { credits, refCredits } = remainingOf(purses);
  return credits <= 0n && refCredits > 0n ? 'refCredits' : 'credits';
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
