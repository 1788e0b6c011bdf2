import type { TenantType } from '../../domain/account.ts';
import { NO_LIMIT_TERMS } from '../../domain/limits.ts';
import { fieldChanges } from '../../domain/field-changes.ts';
import { existingTenant, type AdminDeps } from './admin-deps.ts';
import { checkId, checkName } from './check-terms.ts';
import { reportTenant, type TenantReport } from './tenant-report.ts';

export interface CreateTenantInput {
  readonly tenantId: string;
  readonly name: string;
  readonly type: Exclude<TenantType, 'service'>;
  readonly actor: string;
}

export function makeCreateTenant(deps: AdminDeps): (input: CreateTenantInput) => Promise<TenantReport> {
  return async ({ tenantId, name, type, actor }) => {
    const at = deps.clock.now();
    const fields = { name: checkName(name), type, status: 'active' } as const;
    await deps.store.transaction(async (transaction) => {
      await transaction.insertTenant({
        id: checkId('a tenant', tenantId),
        ...fields,
        limits: NO_LIMIT_TERMS,
        budget: undefined,
        origin: undefined,
        createdAt: at,
      });
      await transaction.note({
        id: deps.makeId(),
        tenantId,
        clientKeyId: undefined,
        actor,
        what: 'tenant_created',
        fields: fieldChanges({}, fields),
        at,
      });
    });
    return reportTenant(deps, await existingTenant(deps, tenantId));
  };
}
