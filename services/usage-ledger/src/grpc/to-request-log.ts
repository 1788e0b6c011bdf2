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

export function toRequestLog({ record, costNanoUsd, priceVersion, chargedAt }: ChargedRequest): usageV1.RequestLog {
  return {
    event: {
      ...record,
      minReaderVersion: 1,
      dialect: DIALECT[record.dialect],
      usageSource: SOURCE[record.usageSource],
    },
    costNanoUsd,
    priceVersion,
    chargedAt,
  };
}
