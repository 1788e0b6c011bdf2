import { eventsV1 } from '@omg/proto-gen';
import type { MoneyReserve, SettledRequest, UsageSource } from '../app/ports.ts';

const SOURCE: Record<UsageSource, eventsV1.UsageSource> = {
  provider: eventsV1.UsageSource.PROVIDER,
  counted: eventsV1.UsageSource.COUNTED,
  estimated: eventsV1.UsageSource.ESTIMATED,
  none: eventsV1.UsageSource.NONE,
};

const MONEY: Record<MoneyReserve['of'], eventsV1.MoneyKind> = {
  credit: eventsV1.MoneyKind.CREDIT,
  tenant_budget: eventsV1.MoneyKind.TENANT_BUDGET,
  key_budget: eventsV1.MoneyKind.KEY_BUDGET,
};

/** Where an event is numbered and what served it. */
export interface EventOrigin {
  readonly epoch: string;
  readonly partition: number;
  readonly number: bigint;
  readonly site: string;
  readonly provider: string;
}

export function toUsageEvent(request: SettledRequest, origin: EventOrigin): eventsV1.UsageEvent {
  const { account, tokens, dialect, usageSource, keyId: _keyId, bodyBytes: _bodyBytes, ...rest } = request;
  const { allowance, costNanoUsd: _costNanoUsd, ...same } = rest;
  return {
    ...same,
    ...origin,
    ...account,
    minReaderVersion: 1,
    dialect: dialect === 'openai' ? eventsV1.Dialect.OPENAI : eventsV1.Dialect.ANTHROPIC,
    usageSource: SOURCE[usageSource],
    latencyMs: Math.round(request.latencyMs),
    firstTokenMs: request.firstTokenMs === undefined ? undefined : Math.round(request.firstTokenMs),
    tokens: {
      input: BigInt(tokens.input),
      output: BigInt(tokens.output),
      cacheWrite5m: BigInt(tokens.cacheWrite5m),
      cacheWrite1h: BigInt(tokens.cacheWrite1h),
      cacheRead: BigInt(tokens.cacheRead),
    },
    allowance: toAllowance(allowance),
    attempts: request.attempts.map((attempt) => ({ ...attempt, durationMs: Math.round(attempt.durationMs) })),
  };
}

function toAllowance({ opened, tokens, money }: SettledRequest['allowance']): eventsV1.Allowance {
  return {
    opened: BigInt(opened),
    tokens: BigInt(Math.ceil(tokens)),
    money: money.map(({ of, bucket, nanoUsd }) => ({ kind: MONEY[of], bucket, nanoUsd: BigInt(Math.ceil(nanoUsd)) })),
  };
}
