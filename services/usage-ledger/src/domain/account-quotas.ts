import type { ClientKeyRecord, TenantRecord } from './account.ts';
import { scopeName, type AccountScope } from './account-scope.ts';
import { NOTHING_SPENT, budgetBucket, isBucketOf, spentIn } from './budget-bucket.ts';
import { budgetWindow } from './budget-window.ts';
import { effectiveBudgets, warnFromNanoUsd, type Budget } from './budget.ts';
import { balanceOf } from './credits.ts';
import { effectiveLimits, type EffectiveLimits, type Limits } from './limits.ts';

/** What applies to an account that says nothing itself. */
export interface AccountDefaults extends EffectiveLimits {
  readonly budget: Budget;
}

/** An account as quotas see it; of a tenant's own quotas without a key. */
export interface QuotaAccount {
  readonly tenant: TenantRecord;
  readonly key?: ClientKeyRecord;
}

/** One thing that a request has to be admitted by. */
export interface AccountQuota {
  readonly name: string;
  readonly scope: AccountScope;
  readonly limits: QuotaLimits;
  /** Nothing may go beyond it; else one request of the account may. */
  readonly hard: boolean;
  /** From how much spending on it is to be warned. */
  readonly warnFromNanoUsd: bigint | undefined;
  /** When another one takes its place. */
  readonly endsAt: Date | undefined;
}

/** What is absent is not limited. */
export interface QuotaLimits {
  readonly requests?: number;
  readonly tokens?: number;
  readonly slots?: number;
  readonly nanoUsd?: bigint;
}

/** All that a request of the key at the site has to be admitted by, as of now. */
export function accountQuotas(
  { tenant, key }: Required<QuotaAccount>,
  { site, defaults, now }: { readonly site: string; readonly defaults: AccountDefaults; readonly now: Date },
): readonly AccountQuota[] {
  const limits = effectiveLimits({ clientKey: key.limits, tenant: tenant.limits, defaults, site });
  const budgets = budgetsOf(tenant, key, defaults);
  return [
    rate({ kind: 'rate', of: 'key', id: key.id, site }, limits.clientKey),
    rate({ kind: 'rate', of: 'tenant', id: tenant.id, site }, limits.tenant),
    {
      ...named({ kind: 'credit', of: 'tenant', id: tenant.id }),
      limits: { nanoUsd: tenant.purses.credits + tenant.purses.refCredits },
      hard: isCreditHard(tenant, defaults),
      warnFromNanoUsd: undefined,
      endsAt: undefined,
    },
    ...(budgets.clientKey === undefined ? [] : [budget('key', key.id, budgets.clientKey, now)]),
    ...(budgets.tenant === undefined ? [] : [budget('tenant', tenant.id, budgets.tenant, now)]),
  ];
}

/** What a scope allows beyond what was spent, for whoever decides it. */
export interface ScopeState {
  readonly limits: QuotaLimits;
  readonly hard: boolean;
}

/** A scope of rates or money as the records say it now. A budget that is none any more limits nothing: another one does. */
export function scopeState(
  scope: AccountScope,
  { tenant, key }: QuotaAccount,
  { defaults, now }: { readonly defaults: AccountDefaults; readonly now: Date },
): ScopeState {
  switch (scope.kind) {
    case 'rate': {
      const limits = effectiveLimits({
        clientKey: key?.limits ?? {},
        tenant: tenant.limits,
        defaults,
        site: scope.site,
      });
      return { limits: toQuotaLimits(scope.of === 'key' ? limits.clientKey : limits.tenant), hard: true };
    }
    case 'credit':
      return { limits: { nanoUsd: balanceOf(tenant.purses) }, hard: isCreditHard(tenant, defaults) };
    case 'budget': {
      const budgets = budgetsOf(tenant, key, defaults);
      const terms = scope.of === 'key' ? budgets.clientKey : budgets.tenant;
      if (terms === undefined || !isBucketOf(terms.period, scope.bucket)) return { limits: {}, hard: false };
      const spentBy = scope.of === 'key' ? key?.spentBy : tenant.spentBy;
      const spent = spentIn(spentBy ?? NOTHING_SPENT, { period: terms.period, bucket: scope.bucket, at: now });
      return { limits: { nanoUsd: terms.nanoUsd - spent }, hard: terms.hard };
    }
  }
}

/** The budgets that count; nobody has to buy credits for an internal service, and no default budget stops it. */
export function budgetsOf(
  tenant: TenantRecord,
  key: ClientKeyRecord | undefined,
  defaults: AccountDefaults,
): { readonly clientKey: Budget | undefined; readonly tenant: Budget | undefined } {
  const { clientKey, tenant: ofTenant } = effectiveBudgets({
    clientKey: key?.budget,
    tenant: tenant.budget,
    defaultBudget: defaults.budget,
  });
  return { clientKey, tenant: tenant.type === 'service' && tenant.budget === undefined ? undefined : ofTenant };
}

/** Whose budget is hard may not overdraw the credits either. */
function isCreditHard(tenant: TenantRecord, defaults: AccountDefaults): boolean {
  return budgetsOf(tenant, undefined, defaults).tenant?.hard ?? false;
}

function rate(scope: AccountScope, limits: Limits): AccountQuota {
  return {
    ...named(scope),
    limits: toQuotaLimits(limits),
    hard: true,
    warnFromNanoUsd: undefined,
    endsAt: undefined,
  };
}

function budget(of: 'key' | 'tenant', id: string, terms: Budget, now: Date): AccountQuota {
  const { period, nanoUsd, hard } = terms;
  return {
    ...named({ kind: 'budget', of, id, bucket: budgetBucket(period, now) }),
    limits: { nanoUsd },
    hard,
    warnFromNanoUsd: warnFromNanoUsd(terms),
    endsAt: budgetWindow(period, now).endsAt,
  };
}

function named(scope: AccountScope): Pick<AccountQuota, 'name' | 'scope'> {
  return { name: scopeName(scope), scope };
}

function toQuotaLimits({ requestsPerMinute, tokensPerMinute, parallel }: Limits): QuotaLimits {
  return { requests: requestsPerMinute, tokens: tokensPerMinute, slots: parallel };
}
