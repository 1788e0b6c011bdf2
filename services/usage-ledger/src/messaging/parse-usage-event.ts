import { encodeMessage, eventsV1 } from '@omg/proto-gen';
import { serviceOfAccount } from '../domain/service-account.ts';
import { NO_TOKENS } from '@omg/pricing';
import type { ReceivedEvent, ReservedMoney, UsageRecord, UsageSource, UsedAllowance } from '../domain/usage-record.ts';

/** The newest meaning of events that this reader knows. */
const READER_VERSION = 1;

/** An event that a newer router wrote and this reader would misunderstand: reading must stop. */
export class NewerEventError extends Error {
  override readonly name = 'NewerEventError';

  constructor(version: number) {
    super(`an event asks for reader version ${version}, this usage-ledger has ${READER_VERSION}: update usage-ledger`);
  }
}

const SOURCE: Record<eventsV1.UsageSource, UsageSource | undefined> = {
  USAGE_SOURCE_PROVIDER: 'provider',
  USAGE_SOURCE_COUNTED: 'counted',
  USAGE_SOURCE_ESTIMATED: 'estimated',
  USAGE_SOURCE_NONE: 'none',
  USAGE_SOURCE_UNSPECIFIED: undefined,
  UNRECOGNIZED: undefined,
};

const DIALECT: Record<eventsV1.Dialect, UsageRecord['dialect'] | undefined> = {
  DIALECT_OPENAI: 'openai',
  DIALECT_ANTHROPIC: 'anthropic',
  DIALECT_UNSPECIFIED: 'unspecified',
  UNRECOGNIZED: undefined,
};

const MONEY: Record<eventsV1.MoneyKind, ReservedMoney['of'] | undefined> = {
  MONEY_KIND_CREDIT: 'credit',
  MONEY_KIND_TENANT_BUDGET: 'tenant_budget',
  MONEY_KIND_KEY_BUDGET: 'key_budget',
  MONEY_KIND_UNSPECIFIED: undefined,
  UNRECOGNIZED: undefined,
};

// far beyond what any model answers, and so little that a cost of it fits into a Long
const MAX_TOKENS = 1_000_000_000_000n;
const MAX_LONG = 2n ** 63n - 1n;
const BUCKET = /^[a-z][\w+/-]{0,99}$/;

/** What names no bucket that can be is left out: it becomes the name of a field. */
function parseAllowance(allowance: eventsV1.Allowance | undefined): UsedAllowance | undefined {
  if (allowance === undefined) return undefined;
  const money = allowance.money.flatMap(({ kind, bucket, nanoUsd }): ReservedMoney[] => {
    const of = MONEY[kind];
    if (of === undefined || (of !== 'credit' && !BUCKET.test(bucket))) return [];
    return [{ of, bucket, nanoUsd: Number(nanoUsd) }];
  });
  return { opened: Number(allowance.opened), tokens: Number(allowance.tokens), money };
}

/** The event as far as it can be read: a record, or what is missing without which nothing can be charged. */
export function parseUsageEvent(event: eventsV1.UsageEvent): ReceivedEvent {
  if (event.minReaderVersion > READER_VERSION) throw new NewerEventError(event.minReaderVersion);
  const { epoch, number } = event;
  return {
    numbered: epoch === '' || number < 1n || number > MAX_LONG ? undefined : { epoch, number },
    content: parseContent(event),
    payload: () => encodeMessage(eventsV1.UsageEvent, event),
  };
}

function parseContent(event: eventsV1.UsageEvent): ReceivedEvent['content'] {
  const { minReaderVersion: _, acceptedAt, priceVersion: namedPrice, ...rest } = event;
  const dialect = DIALECT[event.dialect];
  const usageSource = SOURCE[event.usageSource];
  const tokens = event.tokens ?? NO_TOKENS;
  if (event.requestId === '') return { fault: 'the event has no request id' };
  if (event.tenantId === '') return { fault: 'the event has no account' };
  if (event.epoch === '' || event.number < 1n || event.number > MAX_LONG) return { fault: 'the event has no number' };
  if (acceptedAt === undefined || Number.isNaN(acceptedAt.getTime())) return { fault: 'the event has no time' };
  if (dialect === undefined || (dialect === 'unspecified' && serviceOfAccount(event.tenantId) === undefined))
    return { fault: 'the event has no dialect that is known' };
  if (usageSource === undefined) return { fault: 'the event has no source of its numbers that is known' };
  if (Object.values(tokens).some((count) => count < 0n || count > MAX_TOKENS))
    return { fault: 'the event has a number of tokens that cannot be' };
  return {
    ...rest,
    dialect,
    usageSource,
    acceptedAt,
    tokens,
    firstTokenMs: event.firstTokenMs,
    namedPrice,
    allowance: parseAllowance(event.allowance),
    attempts: event.attempts.map((attempt) => ({ ...attempt, startedAt: attempt.startedAt ?? acceptedAt })),
  };
}
