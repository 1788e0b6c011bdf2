import type { eventsV1 } from '@omg/proto-gen';
import { NO_TOKENS } from '../domain/tokens.ts';
import type { UsageRecord, UsageSource } from '../domain/usage-record.ts';

/** The newest meaning of events that this reader knows. */
const READER_VERSION = 1;

/** An event that a newer router wrote and this reader would misunderstand: reading must stop. */
class NewerEventError extends Error {
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
  DIALECT_UNSPECIFIED: undefined,
  UNRECOGNIZED: undefined,
};

/** The record, or undefined where a part is missing without which nothing can be charged. */
export function parseUsageEvent(event: eventsV1.UsageEvent): UsageRecord | undefined {
  if (event.minReaderVersion > READER_VERSION) throw new NewerEventError(event.minReaderVersion);
  const { minReaderVersion: _, acceptedAt, ...rest } = event;
  const dialect = DIALECT[event.dialect];
  const usageSource = SOURCE[event.usageSource];
  if (dialect === undefined || usageSource === undefined || acceptedAt === undefined) return undefined;
  if (event.requestId === '' || event.tenantId === '' || event.epoch === '' || event.number < 1n) return undefined;
  const tokens = event.tokens ?? NO_TOKENS;
  if (Object.values(tokens).some((count) => count < 0n)) return undefined;
  return {
    ...rest,
    dialect,
    usageSource,
    acceptedAt,
    tokens,
    firstTokenMs: event.firstTokenMs,
    attempts: event.attempts.map((attempt) => ({ ...attempt, startedAt: attempt.startedAt ?? acceptedAt })),
  };
}
