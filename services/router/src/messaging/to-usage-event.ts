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

// written out: taking an object apart and together again by what is left of it costs more than all else here
export function toUsageEvent(request: SettledRequest, origin: EventOrigin): eventsV1.UsageEvent {
  const { account, tokens, allowance } = request;
  const { tenantId, tenantName, clientKeyId } = account;
  return {
    minReaderVersion: 1,
    requestId: request.requestId,
    epoch: origin.epoch,
    partition: origin.partition,
    number: origin.number,
    site: origin.site,
    provider: origin.provider,
    tenantId,
    tenantName,
    clientKeyId,
    dialect: request.dialect === 'openai' ? eventsV1.Dialect.OPENAI : eventsV1.Dialect.ANTHROPIC,
    stream: request.stream,
    model: request.model,
    upstreamModel: request.upstreamModel,
    acceptedAt: request.acceptedAt,
    latencyMs: Math.round(request.latencyMs),
    firstTokenMs: request.firstTokenMs === undefined ? undefined : Math.round(request.firstTokenMs),
    statusCode: request.statusCode,
    success: request.success,
    finishReason: request.finishReason,
    abortReason: request.abortReason,
    tokens: {
      input: BigInt(tokens.input),
      output: BigInt(tokens.output),
      cacheWrite5m: BigInt(tokens.cacheWrite5m),
      cacheWrite1h: BigInt(tokens.cacheWrite1h),
      cacheRead: BigInt(tokens.cacheRead),
    },
    usageSource: SOURCE[request.usageSource],
    attempts: request.attempts.map((attempt) => ({ ...attempt, durationMs: Math.round(attempt.durationMs) })),
    clientRequestId: request.clientRequestId,
    traceParent: request.traceParent,
    priceVersion: request.priceVersion,
    allowance: toAllowance(allowance),
  };
}

function toAllowance({ opened, tokens, money }: SettledRequest['allowance']): eventsV1.Allowance {
  return {
    opened: BigInt(opened),
    tokens: BigInt(Math.ceil(tokens)),
    money: money.map(({ of, bucket, nanoUsd }) => ({ kind: MONEY[of], bucket, nanoUsd: BigInt(Math.ceil(nanoUsd)) })),
  };
}
