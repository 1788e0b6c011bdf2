import { OmgError } from '@omg/errors';
import { accountStatus, type AccountStatus } from '../domain/account.ts';
import type { AccountStore, Clock } from './ports.ts';

export interface AccountSnapshot {
  readonly tenantId: string;
  readonly tenantName: string;
  readonly clientKeyId: string;
  readonly version: bigint;
  readonly status: AccountStatus;
}

export function makeResolveKey(deps: {
  readonly accounts: AccountStore;
  readonly clock: Clock;
}): (digest: Uint8Array) => Promise<AccountSnapshot> {
  return async (digest) => {
    const found = await deps.accounts.findByDigest(digest);
    if (found === undefined) throw new OmgError('not_found', 'there is no such client key');
    const { tenant, key } = found;
    return {
      tenantId: tenant.id,
      tenantName: tenant.name,
      clientKeyId: key.id,
      version: tenant.version,
      status: accountStatus(tenant, key, deps.clock.now()),
    };
  };
}
