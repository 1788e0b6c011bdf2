import { eventsV1, type usageV1 } from '@omg/proto-gen';
import { CommandFailure } from '../failures.ts';
import { decimalUsd } from '../output/format.ts';

export type ChargedEvent = eventsV1.UsageEvent & { readonly tokens: eventsV1.Tokens };

export const DIALECTS: Record<eventsV1.Dialect, string> = {
  [eventsV1.Dialect.OPENAI]: 'openai',
  [eventsV1.Dialect.ANTHROPIC]: 'anthropic',
  [eventsV1.Dialect.UNSPECIFIED]: 'unknown',
  [eventsV1.Dialect.UNRECOGNIZED]: 'unknown',
};

export const USAGE_SOURCES: Record<eventsV1.UsageSource, string> = {
  [eventsV1.UsageSource.PROVIDER]: 'provider',
  [eventsV1.UsageSource.COUNTED]: 'counted',
  [eventsV1.UsageSource.ESTIMATED]: 'estimated',
  [eventsV1.UsageSource.NONE]: 'none',
  [eventsV1.UsageSource.UNSPECIFIED]: 'unknown',
  [eventsV1.UsageSource.UNRECOGNIZED]: 'unknown',
};

export const NO_TOKENS: eventsV1.Tokens = {
  input: 0n,
  output: 0n,
  cacheWrite5m: 0n,
  cacheWrite1h: 0n,
  cacheRead: 0n,
};

/** The event of an entry, which protobuf cannot promise to be there. */
export function eventOf({ event }: usageV1.RequestLog): ChargedEvent {
  if (event === undefined) throw new CommandFailure('usage-ledger: an entry came without its request');
  return { ...event, tokens: event.tokens ?? NO_TOKENS };
}

/** `ok`, or why it is not. */
export function resultOf({ success, abortReason, attempts }: eventsV1.UsageEvent): string {
  if (success) return 'ok';
  const lastCause = attempts.at(-1)?.cause ?? '';
  return abortReason || lastCause || 'failed';
}

/** The trace's id in a W3C traceparent. */
export function traceIdOf({ traceParent }: eventsV1.UsageEvent): string {
  return traceParent.split('-')[1] ?? '';
}

/** An entry for programs: what is not known is null, money is a decimal string beside the exact whole number. */
export function requestLogToJson(log: usageV1.RequestLog): object {
  const event = eventOf(log);
  return {
    requestId: event.requestId,
    acceptedAt: event.acceptedAt ?? null,
    chargedAt: log.chargedAt ?? null,
    site: event.site,
    provider: event.provider,
    tenantId: event.tenantId,
    tenantName: event.tenantName,
    clientKeyId: event.clientKeyId,
    dialect: DIALECTS[event.dialect],
    stream: event.stream,
    model: event.model,
    upstreamModel: event.upstreamModel,
    statusCode: event.statusCode,
    success: event.success,
    finishReason: event.finishReason || null,
    abortReason: event.abortReason || null,
    latencyMs: event.latencyMs,
    firstTokenMs: event.firstTokenMs ?? null,
    tokens: event.tokens,
    usageSource: USAGE_SOURCES[event.usageSource],
    costUsd: decimalUsd(log.costNanoUsd),
    costNanoUsd: log.costNanoUsd.toString(),
    priceVersion: log.priceVersion,
    attempts: event.attempts.map((attempt) => ({
      keyId: attempt.keyId,
      proxyId: attempt.proxyId || null,
      endpoint: attempt.endpoint,
      statusCode: attempt.statusCode || null,
      cause: attempt.cause || null,
      providerRequestId: attempt.providerRequestId || null,
      startedAt: attempt.startedAt ?? null,
      durationMs: attempt.durationMs,
      leaseGeneration: attempt.leaseGeneration,
    })),
    clientRequestId: event.clientRequestId || null,
    traceId: traceIdOf(event) || null,
    epoch: event.epoch,
    partition: event.partition,
    number: event.number,
  };
}
