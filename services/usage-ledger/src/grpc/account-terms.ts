import { OmgError } from '@omg/errors';
import { accountsAdminV1 } from '@omg/proto-gen';
import type { LimitChange } from '../app/admin/check-terms.ts';
import type { BudgetReport } from '../app/admin/tenant-report.ts';
import type { BudgetPeriod } from '../domain/budget-window.ts';
import { DEFAULT_WARN_AT, type Budget, type BudgetTerms } from '../domain/budget.ts';
import type { LimitTerms } from '../domain/limits.ts';

const { BudgetPeriod: Period, BudgetRule: Rule } = accountsAdminV1;

const PERIOD: Record<BudgetPeriod['kind'], accountsAdminV1.BudgetPeriod> = {
  day: Period.DAY,
  week: Period.WEEK,
  month: Period.MONTH,
  rolling: Period.ROLLING,
};

export function fromSiteLimits(limits: readonly accountsAdminV1.SiteLimits[]): readonly LimitChange[] {
  return limits.map(({ site, requestsPerMinute, tokensPerMinute, parallel }) => ({
    site: site === '' ? undefined : site,
    limits: {
      ...(requestsPerMinute === undefined ? {} : { requestsPerMinute: orNone(requestsPerMinute) }),
      ...(tokensPerMinute === undefined ? {} : { tokensPerMinute: orNone(tokensPerMinute) }),
      ...(parallel === undefined ? {} : { parallel: orNone(parallel) }),
    },
  }));
}

function orNone(limit: number): number | null {
  return limit === 0 ? null : limit;
}

export function toSiteLimits({ sites = [], ...everywhere }: LimitTerms): readonly accountsAdminV1.SiteLimits[] {
  return [...(Object.keys(everywhere).length === 0 ? [] : [{ site: '', ...everywhere }]), ...sites];
}

export function fromBudgetTerms(
  message: accountsAdminV1.BudgetTerms | undefined,
): { readonly terms: BudgetTerms } | undefined {
  switch (message?.rule) {
    case undefined:
      return undefined;
    case Rule.DEFAULT:
      return { terms: undefined };
    case Rule.NONE:
      return { terms: 'none' };
    case Rule.OWN:
      if (message.budget !== undefined) return { terms: fromBudget(message.budget) };
      break;
    case Rule.UNSPECIFIED:
    case Rule.UNRECOGNIZED:
  }
  throw new OmgError('invalid_argument', 'a budget is the default, none, or one of its own');
}

function fromBudget({
  nanoUsd,
  period,
  days,
  timeZone,
  warnAt = DEFAULT_WARN_AT,
  hard,
}: accountsAdminV1.Budget): Budget {
  return { nanoUsd, period: fromPeriod(period, days, timeZone === '' ? 'UTC' : timeZone), warnAt, hard };
}

function fromPeriod(period: accountsAdminV1.BudgetPeriod, days: number, timeZone: string): BudgetPeriod {
  switch (period) {
    case Period.DAY:
      return { kind: 'day', timeZone };
    case Period.WEEK:
      return { kind: 'week', timeZone };
    case Period.MONTH:
      return { kind: 'month', timeZone };
    case Period.ROLLING:
      return { kind: 'rolling', days, timeZone };
    case Period.UNSPECIFIED:
    case Period.UNRECOGNIZED:
      throw new OmgError('invalid_argument', 'a budget has a period: day, week, month or rolling');
  }
}

export function toBudgetView({
  terms,
  budget,
  window,
  spentNanoUsd,
  mayPassByNanoUsd,
}: BudgetReport): accountsAdminV1.BudgetView {
  return {
    rule: terms === undefined ? Rule.DEFAULT : terms === 'none' ? Rule.NONE : Rule.OWN,
    budget: budget === undefined ? undefined : toBudget(budget),
    windowId: window?.id ?? '',
    windowStartsAt: window?.startsAt,
    windowEndsAt: window?.endsAt,
    spentNanoUsd,
    mayPassByNanoUsd,
  };
}

export function toBudget({ nanoUsd, period, warnAt, hard }: Budget): accountsAdminV1.Budget {
  const days = period.kind === 'rolling' ? period.days : 0;
  return { nanoUsd, period: PERIOD[period.kind], days, timeZone: period.timeZone, warnAt, hard };
}
