import type { TenantStatus } from '../../domain/account.ts';
import type { BudgetTerms } from '../../domain/budget.ts';
import { fieldChanges } from '../../domain/field-changes.ts';
import { changeLimitTerms, type LimitTerms } from '../../domain/limits.ts';
import { existingTenant, invalid, noTenant, type AdminDeps } from './admin-deps.ts';
import type { TenantFields } from './account-store.ts';
import { checkBudget, checkLimits, checkName, type LimitChange } from './check-terms.ts';
import { reportTenant, type TenantReport } from './tenant-report.ts';

export interface EditTenantInput {
  readonly tenantId: string;
  readonly name?: string | undefined;
  readonly status?: TenantStatus | undefined;
  readonly limits: readonly LimitChange[];
  /** Undefined: it stays as it is. */
  readonly budget: { readonly terms: BudgetTerms } | undefined;
  readonly actor: string;
}

/** Also suspends a tenant and lets it go on. */
export function makeEditTenant(deps: AdminDeps): (input: EditTenantInput) => Promise<TenantReport> {
  return async ({ tenantId, name, status, limits, budget, actor }) => {
    if (name === undefined && status === undefined && limits.length === 0 && budget === undefined)
      invalid(`nothing is to be changed of ${tenantId}: name at least one field`);
    const at = deps.clock.now();
    const checked = limits.map(checkLimits);
    const given: TenantFields = {
      ...(name === undefined ? {} : { name: checkName(name) }),
      ...(status === undefined ? {} : { status }),
      ...(budget === undefined ? {} : { budget: checkBudget(budget.terms) }),
    };
    await deps.store.transaction(async (transaction) => {
      const before = (await transaction.raiseVersion(tenantId)) ?? noTenant(tenantId);
      const fields = { ...given, ...(checked.length === 0 ? {} : { limits: changedLimits(before.limits, checked) }) };
      await transaction.setTenant(tenantId, fields);
      const changes = fieldChanges(before, fields);
      if (changes.length === 0) return;
      const what = 'tenant_edited';
      await transaction.note({ id: deps.makeId(), tenantId, clientKeyId: undefined, actor, what, fields: changes, at });
    });
    return reportTenant(deps, await existingTenant(deps, tenantId));
  };
}

export function changedLimits(terms: LimitTerms, changes: readonly LimitChange[]): LimitTerms {
  return changes.reduce((changed, { site, limits }) => changeLimitTerms(changed, site, limits), terms);
}
