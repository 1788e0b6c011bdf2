import type { accountsAdminV1, pricesV1 } from '@omg/proto-gen';
import type { AccountChange } from '../app/admin/account-store.ts';
import type { ClientKeyReport } from '../app/admin/client-key-report.ts';
import type { PriceReport } from '../app/admin/list-prices.ts';
import type { TenantReport } from '../app/admin/tenant-report.ts';
import type { CreditEntry } from '../domain/credits.ts';
import { toBudgetView, toSiteLimits } from './account-terms.ts';
import { CREDIT_KIND, KEY_STATUS, PURSE, TENANT_STATUS, TENANT_TYPE } from './account-words.ts';

export function toTenantView({
  tenant,
  left,
  balanceNanoUsd,
  limits,
  budget,
}: TenantReport): accountsAdminV1.TenantView {
  return {
    tenantId: tenant.id,
    name: tenant.name,
    type: TENANT_TYPE[tenant.type],
    status: TENANT_STATUS[tenant.status],
    version: tenant.version,
    creditsNanoUsd: left.credits,
    refCreditsNanoUsd: left.refCredits,
    spentNanoUsd: tenant.purses.spent,
    balanceNanoUsd,
    limits: toSiteLimits(tenant.limits),
    effectiveLimits: limits,
    budget: toBudgetView(budget),
    createdAt: tenant.createdAt,
  };
}

export function toClientKeyView({
  key,
  accountStatus,
  limits,
  budget,
}: ClientKeyReport): accountsAdminV1.ClientKeyView {
  const { id, terms, status, earlier, ...shown } = key;
  return {
    clientKeyId: id,
    tenantId: shown.tenantId,
    name: shown.name,
    status: KEY_STATUS[status],
    usable: accountStatus === 'active',
    blockedBy: accountStatus === 'active' ? '' : accountStatus,
    prefix: shown.prefix,
    lastFour: shown.lastFour,
    expiresAt: shown.expiresAt,
    scopes: terms.scopes,
    allowedModels: terms.allowedModels,
    sites: terms.sites,
    limits: toSiteLimits(shown.limits),
    effectiveLimits: limits,
    budget: toBudgetView(budget),
    earlierSecrets: earlier,
    createdAt: shown.createdAt,
  };
}

export function toCreditEntry({ kind, purse, requestId = '', ...entry }: CreditEntry): accountsAdminV1.CreditEntry {
  return { ...entry, kind: CREDIT_KIND[kind], purse: PURSE[purse], requestId };
}

export function toAccountChange({ clientKeyId = '', ...change }: AccountChange): accountsAdminV1.AccountChange {
  return { ...change, clientKeyId };
}

export function toPriceVersion({ price, validFrom, ...version }: PriceReport): pricesV1.PriceVersion {
  return {
    site: version.site,
    model: version.model,
    version: version.version,
    rates: price.rates,
    tiers: price.tiers.map(({ aboveInputTokens, ...rates }) => ({ aboveInputTokens, rates })),
    perRequestNanoUsd: price.perRequest ?? 0n,
    multiplierNano: price.multiplierNano,
    since: validFrom,
    until: version.until,
  };
}
