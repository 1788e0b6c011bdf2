import { accountStatus, type AccountStatus, type ClientKeyRecord, type TenantRecord } from '../../domain/account.ts';
import { budgetsOf } from '../../domain/account-quotas.ts';
import { effectiveLimits, type Limits } from '../../domain/limits.ts';
import { noTenant, type AdminDeps } from './admin-deps.ts';
import { reportBudget, type BudgetReport, type ReportDeps } from './tenant-report.ts';

export interface ClientKeyReport {
  readonly key: ClientKeyRecord;
  readonly accountStatus: AccountStatus;
  readonly limits: Limits;
  readonly budget: BudgetReport;
}

export function reportKey(deps: ReportDeps, tenant: TenantRecord, key: ClientKeyRecord): ClientKeyReport {
  const { defaults, clock } = deps;
  const { budget: terms, spentBy } = key;
  const now = clock.now();
  return {
    // those that are over are of no interest to anybody
    key: { ...key, earlier: key.earlier.filter(({ endsAt }) => endsAt > now) },
    accountStatus: accountStatus(tenant, key, now),
    limits: effectiveLimits({ clientKey: key.limits, tenant: tenant.limits, defaults, site: '' }).clientKey,
    budget: reportBudget(deps, { terms, budget: budgetsOf(tenant, key, defaults).clientKey, spentBy }),
  };
}

export async function reportKeys(
  deps: AdminDeps,
  keys: readonly ClientKeyRecord[],
): Promise<readonly ClientKeyReport[]> {
  const tenants = await deps.store.tenantsOf([...new Set(keys.map(({ tenantId }) => tenantId))]);
  const byId = new Map(tenants.map((tenant) => [tenant.id, tenant]));
  return keys.map((key) => reportKey(deps, byId.get(key.tenantId) ?? noTenant(key.tenantId), key));
}
