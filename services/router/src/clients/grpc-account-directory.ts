import { OmgError } from '@omg/errors';
import type { GrpcClient } from '@omg/grpc';
import type { accountsV1, quotaV1 } from '@omg/proto-gen';
import type { Amounts } from '@omg/quota';
import type { AccountDirectory, AccountQuota, Closed } from '../app/ports.ts';
import { UNRESTRICTED } from '../domain/key-terms.ts';

const CLOSED: Record<accountsV1.AccountStatus, Closed | undefined | 'unknown'> = {
  ACCOUNT_STATUS_ACTIVE: undefined,
  ACCOUNT_STATUS_TENANT_SUSPENDED: 'tenant_suspended',
  ACCOUNT_STATUS_KEY_DISABLED: 'key_disabled',
  ACCOUNT_STATUS_KEY_REVOKED: 'key_revoked',
  ACCOUNT_STATUS_KEY_EXPIRED: 'key_expired',
  ACCOUNT_STATUS_UNSPECIFIED: 'unknown',
  UNRECOGNIZED: 'unknown',
};

const KIND: Record<accountsV1.QuotaKind, AccountQuota['kind'] | undefined> = {
  QUOTA_KIND_RATE: 'rate',
  QUOTA_KIND_CREDIT: 'credit',
  QUOTA_KIND_BUDGET: 'budget',
  QUOTA_KIND_UNSPECIFIED: undefined,
  UNRECOGNIZED: undefined,
};

/** Asks usage-ledger who a key belongs to, and what it may do at this site. */
export function grpcAccountDirectory(
  client: Pick<GrpcClient<accountsV1.AccountsService>, 'resolveKey'>,
  site: string,
): AccountDirectory {
  return {
    resolve: async (digest) => {
      const account = await find(client, { digest, site });
      if (account === undefined) return undefined;
      const closed = CLOSED[account.status];
      // a status that this router does not know is no permission
      if (closed === 'unknown')
        throw new OmgError('unavailable', 'usage-ledger told an account status that this router does not know');
      const { tenantId, tenantName, clientKeyId, ttlMs, keyTerms = UNRESTRICTED, scopes } = account;
      return { account: { tenantId, tenantName, clientKeyId, keyTerms, quotas: scopes.map(toQuota) }, closed, ttlMs };
    },
  };
}

function toQuota({
  name,
  kind: wire,
  ofKey,
  limits,
  hard,
  bucket,
  warnFromNanoUsd,
}: accountsV1.QuotaScope): AccountQuota {
  const kind = KIND[wire];
  // what is not understood cannot be kept
  if (kind === undefined) throw new OmgError('unavailable', 'usage-ledger told a quota that this router does not know');
  return {
    name,
    kind,
    ofKey,
    limits: toAmounts(limits),
    hard,
    bucket,
    warnFromNanoUsd: warnFromNanoUsd === undefined ? undefined : Number(warnFromNanoUsd),
  };
}

function toAmounts(limits: quotaV1.Amounts | undefined): Amounts {
  const number = (value: bigint | undefined): number | undefined => (value === undefined ? undefined : Number(value));
  return {
    requests: number(limits?.requests),
    tokens: number(limits?.tokens),
    slots: number(limits?.slots),
    nanoUsd: number(limits?.nanoUsd),
  };
}

async function find(
  client: Pick<GrpcClient<accountsV1.AccountsService>, 'resolveKey'>,
  presented: { readonly digest: Buffer; readonly site: string },
): Promise<accountsV1.AccountSnapshot | undefined> {
  try {
    return (await client.resolveKey(presented)).account;
  } catch (error) {
    if (error instanceof OmgError && error.code === 'not_found') return undefined;
    throw error;
  }
}
