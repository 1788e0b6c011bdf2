import type { TenantQuery } from './account-store.ts';
import { existingTenant, type AdminDeps } from './admin-deps.ts';
import { loadPage, type Page, type PageRequest } from './page.ts';
import { reportTenant, type TenantReport } from './tenant-report.ts';

export type ListTenantsInput = PageRequest & Pick<TenantQuery, 'search' | 'type' | 'status'>;

export function makeListTenants(deps: AdminDeps): (input: ListTenantsInput) => Promise<Page<TenantReport>> {
  return async ({ search, type, status, ...page }) => {
    const found = await loadPage(page, async (query) => await deps.store.tenants({ ...query, search, type, status }));
    return { ...found, items: found.items.map((tenant) => reportTenant(deps, tenant)) };
  };
}

export function makeGetTenant(deps: AdminDeps): (tenantId: string) => Promise<TenantReport> {
  return async (tenantId) => reportTenant(deps, await existingTenant(deps, tenantId));
}
