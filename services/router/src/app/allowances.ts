import type { Amounts, Dimension } from '@omg/quota';
import type { Account, AccountQuota, AllowanceRecord } from './ports.ts';

/** What a request has to be admitted by, and how much of it. */
export interface AllowanceWish {
  readonly account: Account;
  /** Of the tokens per minute. */
  readonly tokens: number;
  readonly worstNanoUsd: number;
  readonly typicalNanoUsd: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

export interface Allowance extends AllowanceRecord {
  /** No owner could be asked. */
  readonly offline: boolean;
  /** How the account stands, as far as it is known: for the client to be told. */
  readonly standing: readonly QuotaStanding[];
}

/** A quota, and about how much of it is left. */
export interface QuotaStanding {
  readonly quota: AccountQuota;
  readonly left: Amounts;
}

export interface AllowanceRefusal {
  /** `limit`: it would pass one. `unavailable`: nobody can tell. `gone`: the wait was ended. */
  readonly reason: 'limit' | 'unavailable' | 'gone';
  readonly quota: AccountQuota | undefined;
  readonly dimension: Dimension | undefined;
  readonly retryAfterMs: number | undefined;
  /** How much of it could be had. */
  readonly affordable: number;
}

/** What a request came to. */
export interface AllowanceUse {
  readonly tokens: number;
  readonly costNanoUsd: number;
  /** The number of its event; without one it was never forwarded. */
  readonly event: number | undefined;
}

/** The slices of accounts' quotas that this process holds. */
export interface Allowances {
  acquire: (wish: AllowanceWish) => Promise<Allowance | AllowanceRefusal>;
  /** Ends what was acquired; a second time it does nothing. */
  settle: (allowance: Allowance, use: AllowanceUse) => void;
}
