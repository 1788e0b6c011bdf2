import { OmgError } from '@omg/errors';
import type { GrpcClient } from '@omg/grpc';
import type { accountsV1 } from '@omg/proto-gen';
import type { AccountDirectory, Closed } from '../app/ports.ts';

const CLOSED: Record<accountsV1.AccountStatus, Closed | undefined | 'unknown'> = {
  ACCOUNT_STATUS_ACTIVE: undefined,
  ACCOUNT_STATUS_TENANT_SUSPENDED: 'tenant_suspended',
  ACCOUNT_STATUS_KEY_DISABLED: 'key_disabled',
  ACCOUNT_STATUS_KEY_REVOKED: 'key_revoked',
  ACCOUNT_STATUS_KEY_EXPIRED: 'key_expired',
  ACCOUNT_STATUS_UNSPECIFIED: 'unknown',
  UNRECOGNIZED: 'unknown',
};

/** Asks usage-ledger who a key belongs to. */
export function grpcAccountDirectory(client: GrpcClient<accountsV1.AccountsService>): AccountDirectory {
  return {
    resolve: async (digest) => {
      const account = await find(client, digest);
      if (account === undefined) return undefined;
      const closed = CLOSED[account.status];
      // a status that this router does not know is no permission
      if (closed === 'unknown')
        throw new OmgError('unavailable', 'usage-ledger told an account status that this router does not know');
      const { tenantId, tenantName, clientKeyId, keyTerms, ttlMs } = account;
      const terms = keyTerms === undefined ? {} : { keyTerms };
      return { account: { tenantId, tenantName, clientKeyId, ...terms }, closed, ttlMs };
    },
  };
}

async function find(
  client: GrpcClient<accountsV1.AccountsService>,
  digest: Buffer,
): Promise<accountsV1.AccountSnapshot | undefined> {
  try {
    return (await client.resolveKey({ digest })).account;
  } catch (error) {
    if (error instanceof OmgError && error.code === 'not_found') return undefined;
    throw error;
  }
}
