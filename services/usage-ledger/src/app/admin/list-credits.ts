import type { CreditEntry } from '../../domain/credits.ts';
import { existingTenant, type AdminDeps } from './admin-deps.ts';
import { loadPage, type Page, type PageRequest } from './page.ts';

export function makeListCredits(
  deps: AdminDeps,
): (input: PageRequest & { readonly tenantId: string }) => Promise<Page<CreditEntry>> {
  return async ({ tenantId, ...page }) => {
    await existingTenant(deps, tenantId);
    return await loadPage(page, async (query) => await deps.store.credits({ ...query, tenantId }));
  };
}
