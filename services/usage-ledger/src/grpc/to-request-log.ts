import { eventsV1, type usageV1 } from '@omg/proto-gen';
import type { ChargedRequest, UsageRecord, UsageSource } from '../domain/usage-record.ts';

export const SOURCE: Record<UsageSource, eventsV1.UsageSource> = {
  provider: eventsV1.UsageSource.PROVIDER,
  counted: eventsV1.UsageSource.COUNTED,
  estimated: eventsV1.UsageSource.ESTIMATED,
  none: eventsV1.UsageSource.NONE,
};

export const DIALECT: Record<UsageRecord['dialect'], eventsV1.Dialect> = {
  openai: eventsV1.Dialect.OPENAI,
  anthropic: eventsV1.Dialect.ANTHROPIC,
  unspecified: eventsV1.Dialect.UNSPECIFIED,
};

export function toRequestLog({
  record,
  costNanoUsd,
  creditType,
  priceVersion,
  chargedAt,
}: ChargedRequest): usageV1.RequestLog {
  const { namedPrice: _namedPrice, ...event } = record;
  return {
    event: {
      ...event,
      // the one that was applied is said beside it, and of what was reserved nothing is left
      priceVersion: '',
      allowance: undefined,
      minReaderVersion: 1,
      dialect: DIALECT[record.dialect],
      usageSource: SOURCE[record.usageSource],
    },
    costNanoUsd,
    creditType,
    priceVersion,
    chargedAt,
  };
}
