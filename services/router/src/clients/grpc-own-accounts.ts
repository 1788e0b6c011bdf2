import { OmgError } from '@omg/errors';
import type { GrpcClient } from '@omg/grpc';
import { accountsAdminV1, eventsV1, type accountsV1 } from '@omg/proto-gen';
import type { OwnAccount, OwnAccountDirectory, OwnBudget, OwnLimits, OwnRequest } from '../app/own-account.ts';
import type { UsageSource } from '../app/ports.ts';

const PERIOD: Record<accountsAdminV1.BudgetPeriod, OwnBudget['period'] | undefined> = {
  [accountsAdminV1.BudgetPeriod.DAY]: 'day',
  [accountsAdminV1.BudgetPeriod.WEEK]: 'week',
  [accountsAdminV1.BudgetPeriod.MONTH]: 'month',
  [accountsAdminV1.BudgetPeriod.ROLLING]: 'rolling',
  [accountsAdminV1.BudgetPeriod.UNSPECIFIED]: undefined,
  [accountsAdminV1.BudgetPeriod.UNRECOGNIZED]: undefined,
};

const SOURCE: Record<eventsV1.UsageSource, UsageSource | undefined> = {
  [eventsV1.UsageSource.PROVIDER]: 'provider',
  [eventsV1.UsageSource.COUNTED]: 'counted',
  [eventsV1.UsageSource.ESTIMATED]: 'estimated',
  [eventsV1.UsageSource.NONE]: 'none',
  [eventsV1.UsageSource.UNSPECIFIED]: undefined,
  [eventsV1.UsageSource.UNRECOGNIZED]: undefined,
};

const TIMEOUT_MS = 2_000;

/** Asks usage-ledger what a client key may know of its account. */
export function grpcOwnAccounts(
  client: Pick<GrpcClient<accountsV1.AccountsService>, 'getOwnAccount'>,
): OwnAccountDirectory {
  return {
    ownAccount: async (question) => {
      const { account } = await client.getOwnAccount(question, { deadlineMs: TIMEOUT_MS });
      return toOwnAccount(known(account));
    },
  };
}

function toOwnAccount(account: accountsV1.OwnAccount): OwnAccount {
  return {
    ...account,
    expiresAt: account.expiresAt,
    keyTerms: account.keyTerms,
    keyLimits: known<OwnLimits>(account.keyLimits),
    tenantLimits: known<OwnLimits>(account.tenantLimits),
    keyBudget: account.keyBudget === undefined ? undefined : toOwnBudget(account.keyBudget),
    tenantBudget: account.tenantBudget === undefined ? undefined : toOwnBudget(account.tenantBudget),
    lastRequests: account.lastRequests.map(toOwnRequest),
  };
}

function toOwnBudget({ budget: wire, ...own }: accountsV1.OwnBudget): OwnBudget {
  const { nanoUsd, period, days, timeZone, hard, warnAt } = known(wire);
  return {
    nanoUsd,
    period: known(PERIOD[period]),
    days: days === 0 ? undefined : days,
    timeZone,
    hard,
    warnAt: known(warnAt),
    windowId: own.windowId,
    startsAt: known(own.windowStartsAt),
    endsAt: known(own.windowEndsAt),
    spentNanoUsd: own.spentNanoUsd,
    leftNanoUsd: own.leftNanoUsd,
    warning: own.warning,
  };
}

function toOwnRequest({ tokens: wire, usageSource, acceptedAt, ...request }: accountsV1.OwnRequest): OwnRequest {
  const { input, output, cacheWrite5m, cacheWrite1h, cacheRead } = known(wire);
  return {
    ...request,
    acceptedAt: known(acceptedAt),
    firstTokenMs: request.firstTokenMs,
    usageSource: known(SOURCE[usageSource]),
    tokens: {
      input: Number(input),
      output: Number(output),
      cacheWrite5m: Number(cacheWrite5m),
      cacheWrite1h: Number(cacheWrite1h),
      cacheRead: Number(cacheRead),
    },
  };
}

/** What protobuf cannot promise to be there. */
function known<T>(value: T | undefined): T {
  if (value === undefined) throw new OmgError('unavailable', 'usage-ledger told an account that cannot be understood');
  return value;
}
