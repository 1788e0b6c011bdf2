import { clientKeyDigest, maskClientKey } from '@omg/client-key';
import type { AccountStore, NewTenant } from './ports.ts';

export interface BootstrapTenant extends NewTenant {
  readonly keys: readonly { readonly id: string; readonly name: string; readonly key: string }[];
}

/** Makes the accounts that a fresh system begins with; again, it changes nothing but their names. */
export function makeBootstrap(deps: {
  readonly accounts: AccountStore;
}): (tenants: readonly BootstrapTenant[]) => Promise<void> {
  return async (tenants) => {
    for (const { keys, ...tenant } of tenants) {
      await deps.accounts.upsertTenant(tenant);
      for (const { id, name, key } of keys) {
        await deps.accounts.upsertKey({
          id,
          name,
          tenantId: tenant.id,
          digest: clientKeyDigest(key),
          ...maskClientKey(key),
        });
      }
    }
  };
}
