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

/** From how much spending on it is to be warned. */
export function warnFromNanoUsd({ nanoUsd, warnAt }: Budget): bigint {
  return (nanoUsd * BigInt(Math.round(warnAt * 1_000_000))) / 1_000_000n;
}
