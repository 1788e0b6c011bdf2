import type { ClientKeyQuery } from './account-store.ts';
import { existingKey, existingTenant, type AdminDeps } from './admin-deps.ts';
import { reportKey, reportKeys, type ClientKeyReport } from './client-key-report.ts';
import { loadPage, type Page, type PageRequest } from './page.ts';

export type ListClientKeysInput = PageRequest & Pick<ClientKeyQuery, 'tenantId' | 'search' | 'status'>;

export function makeListClientKeys(deps: AdminDeps): (input: ListClientKeysInput) => Promise<Page<ClientKeyReport>> {
  return async ({ tenantId, search, status, ...page }) => {
    if (tenantId !== undefined) await existingTenant(deps, tenantId);
    const found = await loadPage(
      page,
      async (query) => await deps.store.clientKeys({ ...query, tenantId, search, status }),
    );
    return { ...found, items: await reportKeys(deps, found.items) };
  };
}

export function makeGetClientKey(deps: AdminDeps): (clientKeyId: string) => Promise<ClientKeyReport> {
  return async (clientKeyId) => {
    const key = await existingKey(deps, clientKeyId);
    return reportKey(deps, await existingTenant(deps, key.tenantId), key);
  };
}
