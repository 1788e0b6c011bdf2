import type { TenantRecord } from '../../domain/account.ts';
import { budgetsOf } from '../../domain/account-quotas.ts';
import { budgetWindow, type BudgetWindow } from '../../domain/budget-window.ts';
import type { Budget, BudgetTerms } from '../../domain/budget.ts';
import { balanceOf, remainingOf, type PurseShares } from '../../domain/credits.ts';
import { effectiveLimits, NO_LIMIT_TERMS, type Limits } from '../../domain/limits.ts';
import type { AdminDeps } from './admin-deps.ts';

export interface BudgetReport {
  readonly terms: BudgetTerms;
  /** What counts; undefined: none. */
  readonly budget: Budget | undefined;
  /** That counts now. */
  readonly window: BudgetWindow | undefined;
}

export interface TenantReport {
  readonly tenant: TenantRecord;
  readonly left: PurseShares;
  readonly balanceNanoUsd: bigint;
  /** At a site that has none of its own. */
  readonly limits: Limits;
  readonly budget: BudgetReport;
}

/** What reports go by, beside the records. */
export type ReportDeps = Pick<AdminDeps, 'defaults' | 'clock'>;

// no site is called that
const ANY_SITE = '';

export function reportTenant({ defaults, clock }: ReportDeps, tenant: TenantRecord): TenantReport {
  const { limits, budget: terms, purses } = tenant;
  return {
    tenant,
    left: remainingOf(purses),
    balanceNanoUsd: balanceOf(purses),
    limits: effectiveLimits({ clientKey: NO_LIMIT_TERMS, tenant: limits, defaults, site: ANY_SITE }).tenant,
    budget: reportBudget(terms, budgetsOf(tenant, undefined, defaults).tenant, clock.now()),
  };
}

export function reportBudget(terms: BudgetTerms, budget: Budget | undefined, now: Date): BudgetReport {
  return { terms, budget, window: budget === undefined ? undefined : budgetWindow(budget.period, now) };
}
