import type { TenantRecord } from '../../domain/account.ts';
import { budgetsOf } from '../../domain/account-quotas.ts';
import { budgetWindow, type BudgetWindow } from '../../domain/budget-window.ts';
import { budgetBucket, spentIn, type SpentBy } from '../../domain/budget-bucket.ts';
import { mayPassBy, type Budget, type BudgetTerms } from '../../domain/budget.ts';
import { balanceOf, remainingOf, type PurseShares } from '../../domain/credits.ts';
import { effectiveLimits, NO_LIMIT_TERMS, type Limits } from '../../domain/limits.ts';
import type { AdminDeps } from './admin-deps.ts';

export interface BudgetReport {
  readonly terms: BudgetTerms;
  /** What counts; undefined: none. */
  readonly budget: Budget | undefined;
  /** That counts now. */
  readonly window: BudgetWindow | undefined;
  readonly spentNanoUsd: bigint;
  /** What it may be passed by while all goes well. */
  readonly mayPassByNanoUsd: bigint;
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
export type ReportDeps = Pick<AdminDeps, 'defaults' | 'clock' | 'dearestRequestNanoUsd'>;

// no site is called that
const ANY_SITE = '';

export function reportTenant(deps: ReportDeps, tenant: TenantRecord): TenantReport {
  const { defaults } = deps;
  const { limits, budget: terms, purses, spentBy } = tenant;
  return {
    tenant,
    left: remainingOf(purses),
    balanceNanoUsd: balanceOf(purses),
    limits: effectiveLimits({ clientKey: NO_LIMIT_TERMS, tenant: limits, defaults, site: ANY_SITE }).tenant,
    budget: reportBudget(deps, { terms, budget: budgetsOf(tenant, undefined, defaults).tenant, spentBy }),
  };
}

export function reportBudget(
  { clock, dearestRequestNanoUsd }: ReportDeps,
  account: { readonly terms: BudgetTerms; readonly budget: Budget | undefined; readonly spentBy: SpentBy },
): BudgetReport {
  const { terms, budget, spentBy } = account;
  if (budget === undefined) return { terms, budget, window: undefined, spentNanoUsd: 0n, mayPassByNanoUsd: 0n };
  const at = clock.now();
  const { period } = budget;
  const spentNanoUsd = spentIn(spentBy, { period, bucket: budgetBucket(period, at), at });
  return {
    terms,
    budget,
    window: budgetWindow(period, at),
    spentNanoUsd,
    mayPassByNanoUsd: mayPassBy(budget, { spentNanoUsd, dearestRequestNanoUsd: dearestRequestNanoUsd() }),
  };
}
