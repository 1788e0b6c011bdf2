import { OmgError } from '@omg/errors';
import { accountQuotas, type AccountDefaults, type AccountQuota } from '../domain/account-quotas.ts';
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
  /** How long it counts; less than usual where the key, the secret or a budget's window ends before. */
  readonly ttlMs: number;
  readonly quotas: readonly AccountQuota[];
}

export interface ResolveKeyDeps {
  readonly accounts: AccountStore;
  readonly clock: Clock;
  readonly snapshotTtlMs: number;
  readonly defaults: AccountDefaults;
}

export function makeResolveKey(
  deps: ResolveKeyDeps,
): (presented: { readonly digest: Uint8Array; readonly site: string }) => Promise<AccountSnapshot> {
  return async ({ digest, site }) => {
    const found = await deps.accounts.findByDigest(digest);
    if (found === undefined) throw new OmgError('not_found', 'there is no such client key');
    const { tenant, key } = found;
    const now = deps.clock.now();
    const quotas = accountQuotas(found, { site, defaults: deps.defaults, now });
    const windowsEndInMs = quotas.flatMap(({ endsAt }) =>
      endsAt === undefined ? [] : [endsAt.getTime() - now.getTime()],
    );
    return {
      tenantId: tenant.id,
      tenantName: tenant.name,
      clientKeyId: key.id,
      version: tenant.version,
      status: accountStatus(tenant, key, now),
      keyTerms: key.terms,
      ttlMs: Math.min(snapshotTtlMs(key, now, deps.snapshotTtlMs), ...windowsEndInMs),
      quotas,
    };
  };
}
