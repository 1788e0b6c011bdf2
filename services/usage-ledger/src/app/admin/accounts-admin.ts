import { makeAddCredit } from './add-credit.ts';
import type { AdminDeps } from './admin-deps.ts';
import { makeCreateClientKey } from './create-client-key.ts';
import { makeCreateTenant } from './create-tenant.ts';
import { makeEditClientKey, makeOperateClientKey } from './edit-client-key.ts';
import { makeEditTenant } from './edit-tenant.ts';
import { makeImportAccounts } from './import-accounts.ts';
import { makeListAccountHistory } from './list-account-history.ts';
import { makeGetClientKey, makeListClientKeys } from './list-client-keys.ts';
import { makeListCredits } from './list-credits.ts';
import { makeListPrices } from './list-prices.ts';
import { makeGetTenant, makeListTenants } from './list-tenants.ts';
import { makeRefundRequest } from './refund-request.ts';
import { makeRotateClientKey } from './rotate-client-key.ts';

/** Everything that administration of accounts can do. */
export type AccountsAdmin = ReturnType<typeof makeAccountsAdmin>;

// oxlint-disable-next-line typescript/explicit-module-boundary-types -- each member says its own type
export function makeAccountsAdmin(deps: AdminDeps) {
  return {
    listTenants: makeListTenants(deps),
    getTenant: makeGetTenant(deps),
    createTenant: makeCreateTenant(deps),
    editTenant: makeEditTenant(deps),
    listAccountHistory: makeListAccountHistory(deps),
    listClientKeys: makeListClientKeys(deps),
    getClientKey: makeGetClientKey(deps),
    createClientKey: makeCreateClientKey(deps),
    editClientKey: makeEditClientKey(deps),
    operateClientKey: makeOperateClientKey(deps),
    rotateClientKey: makeRotateClientKey(deps),
    listCredits: makeListCredits(deps),
    addCredit: makeAddCredit(deps),
    refundRequest: makeRefundRequest(deps),
    listPrices: makeListPrices(deps),
    importAccounts: makeImportAccounts(deps),
  } as const;
}
