import { accountsAdminV1 } from '@omg/proto-gen';
import { defineTenantChange } from '../admin/define-tenant-change.ts';

export const tenantsSuspend = defineTenantChange({
  verb: 'suspend',
  summary: 'refuses whatever keys of tenants ask for, until they are activated again',
  examples: ['omg tenants suspend acme', 'omg tenants suspend acme alice --actor abuse-desk'],
  change: () => ({ status: accountsAdminV1.TenantStatus.SUSPENDED }),
});
