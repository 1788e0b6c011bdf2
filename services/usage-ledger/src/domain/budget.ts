import type { BudgetPeriod } from './budget-window.ts';

/** How much may be spent in each window of a period. */
export interface Budget {
  readonly nanoUsd: bigint;
  readonly period: BudgetPeriod;
  /** The share of it from which on it is warned, 0 to 1. */
  readonly warnAt: number;
  /** Nothing is admitted that could go beyond it; else one request may. */
  readonly hard: boolean;
}

/** What an account says of its budget itself; undefined: nothing. */
export type BudgetTerms = Budget | 'none' | undefined;

export interface EffectiveBudgets {
  /** A key that says nothing has its tenant's budget alone. */
  readonly clientKey: Budget | undefined;
  /** A tenant that says nothing has the default. */
  readonly tenant: Budget | undefined;
}

export const DEFAULT_WARN_AT = 0.8;

/** Both count: what a key spends is spent of its tenant's budget as well. */
export function effectiveBudgets(input: {
  readonly clientKey: BudgetTerms;
  readonly tenant: BudgetTerms;
  readonly defaultBudget: Budget;
}): EffectiveBudgets {
  const { clientKey, tenant, defaultBudget } = input;
  return {
    clientKey: clientKey === 'none' ? undefined : clientKey,
    tenant: tenant === 'none' ? undefined : (tenant ?? defaultBudget),
  };
}

const ONE_USD = 1_000_000_000n;

/**
 * What a budget may be passed by: a hard one by nothing; a soft one by one request that reserved only what is usual, and by
 * what is granted while no owner can be asked.
 */
export function mayPassBy(
  { hard, nanoUsd }: Budget,
  now: { readonly spentNanoUsd: bigint; readonly dearestRequestNanoUsd: bigint },
): bigint {
  if (hard) return 0n;
  const left = nanoUsd - now.spentNanoUsd;
  const offline = left <= 0n ? 0n : left / 100n < ONE_USD ? left / 100n : ONE_USD;
  return now.dearestRequestNanoUsd + offline;
}

/** From how much spending on it is to be warned. */
export function warnFromNanoUsd({ nanoUsd, warnAt }: Budget): bigint {
  return (nanoUsd * BigInt(Math.round(warnAt * 1_000_000))) / 1_000_000n;
}
