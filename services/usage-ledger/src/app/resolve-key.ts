import { OmgError } from '@omg/errors';
import { accountStatus, snapshotTtlMs, type AccountStatus } from '../domain/account.ts';
import type { ClientKeyTerms } from '../domain/client-key-terms.ts';
import type { AccountStore, Clock } from './ports.ts';

export interface AccountSnapshot {
  readonly tenantId: string;
  readonly tenantName: string;
  readonly clientKeyId: string;
  readonly version: bigint;
  readonly status: AccountStatus;
  readonly keyTerms: ClientKeyTerms;
  /** How long it counts; less than usual where the key or the secret ends before. */
  readonly ttlMs: number;
}

export function makeResolveKey(deps: {
  readonly accounts: AccountStore;
  readonly clock: Clock;
  readonly snapshotTtlMs: number;
}): (digest: Uint8Array) => Promise<AccountSnapshot> {
  return async (digest) => {
    const found = await deps.accounts.findByDigest(digest);
    if (found === undefined) throw new OmgError('not_found', 'there is no such client key');
    const { tenant, key, terms } = found;
    const now = deps.clock.now();
    return {
      tenantId: tenant.id,
      tenantName: tenant.name,
      clientKeyId: key.id,
      version: tenant.version,
      status: accountStatus(tenant, key, now),
      keyTerms: terms,
      ttlMs: snapshotTtlMs(key, now, deps.snapshotTtlMs),
    };
  };
}
