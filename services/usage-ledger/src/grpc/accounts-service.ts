import { OmgError } from '@omg/errors';
import { bindService, restrictService, type BoundService, type HasGrant } from '@omg/grpc';
import { accountsV1 } from '@omg/proto-gen';
import { fromOwnerMessage, toHolderMessage } from '@omg/quota-link';
import type { AllowancesInput, AllowancesOutput } from '../app/allowances/hold-allowances.ts';
import type { Changed, Committed } from '../app/commit-board.ts';
import type { OwnAccount, OwnAccountQuestion } from '../app/own-account.ts';
import type { AccountSnapshot } from '../app/resolve-key.ts';
import type { AccountStatus } from '../domain/account.ts';
import { isUnrestricted } from '../domain/client-key-terms.ts';
import type { PriceVersion } from '../domain/price-book.ts';
import { toPriceVersion } from './account-views.ts';
import { toOwnAccount } from './to-own-account.ts';
import { toQuotaScope } from './to-quota-scope.ts';

export interface AccountsUseCases {
  readonly resolveKey: (presented: { readonly digest: Uint8Array; readonly site: string }) => Promise<AccountSnapshot>;
  readonly ownAccount: (question: OwnAccountQuestion) => Promise<OwnAccount>;
  /** What of these epochs is in the books, now and from now on, and what has changed, until the signal. */
  readonly watchCommitted: (epochs: readonly string[], signal: AbortSignal) => AsyncIterable<Committed | Changed>;
  readonly holdAllowances: (
    inputs: AsyncIterable<AllowancesInput>,
    signal: AbortSignal,
  ) => AsyncIterable<AllowancesOutput>;
  /** Those that count at a site. */
  readonly pricesAt: (site: string) => readonly PriceVersion[];
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
    resolveKey: async (presented) => {
      const { status, keyTerms, quotas, ...account } = await useCases.resolveKey(presented);
      return {
        account: {
          ...account,
          status: STATUS[status],
          keyTerms: isUnrestricted(keyTerms) ? undefined : keyTerms,
          scopes: quotas.map(toQuotaScope),
        },
      };
    },
    getOwnAccount: async (question) => ({ account: toOwnAccount(await useCases.ownAccount(question)) }),
    async *hold(requests, { signal }) {
      const { epoch, adoptedEpochs } = await firstOpen(requests);
      yield { message: { $case: 'welcome', value: { ttlMs: useCases.snapshotTtlMs, holders: 0, upTo: 0n, seen: 0n } } };
      for await (const told of useCases.watchCommitted([epoch, ...adoptedEpochs], signal)) {
        yield 'changed' in told
          ? { message: { $case: 'changed', value: { id: told.changed, version: 0n } } }
          : { message: { $case: 'committed', value: told } };
      }
    },
    async *holdAllowances(requests, { signal }) {
      for await (const { term, frame } of useCases.holdAllowances(toInputs(requests), signal)) {
        yield { term: BigInt(term), quota: frame.map(fromOwnerMessage) };
      }
    },
    getPrices: async ({ site }) => ({
      prices: useCases.pricesAt(site).map((version) => toPriceVersion({ ...version, until: undefined })),
    }),
  });
  return restrictService(service, {
    may: (caller) => useCases.hasGrant(caller, 'router'),
    refusal: (caller) => `${caller} may not ask for accounts: give it "router" in SERVICE_GRANTS of usage-ledger`,
  });
}

async function* toInputs(requests: AsyncIterable<accountsV1.HoldAllowancesRequest>): AsyncGenerator<AllowancesInput> {
  for await (const { open, quota } of requests) {
    yield { open, messages: quota.flatMap((message) => toHolderMessage(message) ?? []) };
  }
}

async function firstOpen(requests: AsyncIterable<accountsV1.HoldRequest>) {
  for await (const { message } of requests) {
    if (message?.$case === 'open') return message.value;
    break;
  }
  throw new OmgError('invalid_argument', 'the first message must be open');
}
