import { OmgError } from '@omg/errors';
import { bindService, restrictService, type BoundService, type HasGrant } from '@omg/grpc';
import { accountsV1 } from '@omg/proto-gen';
import type { Committed } from '../app/commit-board.ts';
import type { OwnAccount, OwnAccountQuestion } from '../app/own-account.ts';
import type { AccountSnapshot } from '../app/resolve-key.ts';
import type { AccountStatus } from '../domain/account.ts';
import { isUnrestricted } from '../domain/client-key-terms.ts';
import { toOwnAccount } from './to-own-account.ts';

export interface AccountsUseCases {
  readonly resolveKey: (digest: Uint8Array) => Promise<AccountSnapshot>;
  readonly ownAccount: (question: OwnAccountQuestion) => Promise<OwnAccount>;
  /** What of these epochs is in the books, now and from now on, until the signal. */
  readonly watchCommitted: (epochs: readonly string[], signal: AbortSignal) => AsyncIterable<Committed>;
  readonly snapshotTtlMs: number;
  readonly hasGrant: HasGrant;
}

const STATUS: Record<AccountStatus, accountsV1.AccountStatus> = {
  active: accountsV1.AccountStatus.ACTIVE,
  tenant_suspended: accountsV1.AccountStatus.TENANT_SUSPENDED,
  key_disabled: accountsV1.AccountStatus.KEY_DISABLED,
  key_revoked: accountsV1.AccountStatus.KEY_REVOKED,
  key_expired: accountsV1.AccountStatus.KEY_EXPIRED,
};

export function accountsService(useCases: AccountsUseCases): BoundService {
  const service = bindService(accountsV1.AccountsService, {
    resolveKey: async ({ digest }) => {
      const { status, keyTerms, ...account } = await useCases.resolveKey(digest);
      return {
        account: {
          ...account,
          status: STATUS[status],
          keyTerms: isUnrestricted(keyTerms) ? undefined : keyTerms,
        },
      };
    },
    getOwnAccount: async (question) => ({ account: toOwnAccount(await useCases.ownAccount(question)) }),
    async *hold(requests, { signal }) {
      const { epoch, adoptedEpochs } = await firstOpen(requests);
      yield { message: { $case: 'welcome', value: { ttlMs: useCases.snapshotTtlMs, holders: 0, upTo: 0n, seen: 0n } } };
      for await (const committed of useCases.watchCommitted([epoch, ...adoptedEpochs], signal)) {
        yield { message: { $case: 'committed', value: committed } };
      }
    },
  });
  return restrictService(service, {
    may: (caller) => useCases.hasGrant(caller, 'router'),
    refusal: (caller) => `${caller} may not ask for accounts: give it "router" in SERVICE_GRANTS of usage-ledger`,
  });
}

async function firstOpen(requests: AsyncIterable<accountsV1.HoldRequest>) {
  for await (const { message } of requests) {
    if (message?.$case === 'open') return message.value;
    break;
  }
  throw new OmgError('invalid_argument', 'the first message must be open');
}
