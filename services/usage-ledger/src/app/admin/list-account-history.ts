import type { AccountChange } from './account-store.ts';
import { existingTenant, type AdminDeps } from './admin-deps.ts';
import { loadPage, type Page, type PageRequest } from './page.ts';

export interface ListAccountHistoryInput extends PageRequest {
  readonly tenantId: string;
  readonly clientKeyId: string | undefined;
}

export function makeListAccountHistory(
  deps: AdminDeps,
): (input: ListAccountHistoryInput) => Promise<Page<AccountChange>> {
  return async ({ tenantId, clientKeyId, ...page }) => {
    await existingTenant(deps, tenantId);
    return await loadPage(page, async (query) => await deps.store.changes({ ...query, tenantId, clientKeyId }));
  };
}
