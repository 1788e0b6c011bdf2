import { accountsAdminV1 } from '@omg/proto-gen';
import { defineTenantChange } from '../admin/define-tenant-change.ts';

export const tenantsActivate = defineTenantChange({
  verb: 'activate',
  summary: 'ends a suspension',
  examples: ['omg tenants activate acme'],
  change: () => ({ status: accountsAdminV1.TenantStatus.ACTIVE }),
});
