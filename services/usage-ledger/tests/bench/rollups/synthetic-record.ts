import { randomUUIDv7 } from 'node:crypto';
import { partitionOf } from '@omg/messaging';
import type { RollupEntry } from '../../../src/domain/rollup-fold.ts';
import type { UsageRecord } from '../../../src/domain/usage-record.ts';
import { toTokens } from './synthetic-year.ts';

/** The request as a router reports it. */
export function toUsageRecord(
  { tokens, failure, upstreamKeyId, acceptedAtMs, ...entry }: RollupEntry,
  numbered: Pick<UsageRecord, 'epoch' | 'number'>,
): UsageRecord {
  const { site, provider, tenantId, clientKeyId, model, latencyMs, firstTokenMs } = entry;
  const [requestId, acceptedAt] = [randomUUIDv7(), new Date(acceptedAtMs)];
  return {
    ...numbered,
    requestId,
    partition: partitionOf(tenantId),
    site,
    provider,
    tenantId,
    tenantName: `Account ${tenantId}`,
    clientKeyId,
    dialect: 'anthropic',
    stream: true,
    model,
    upstreamModel: model,
    acceptedAt,
    latencyMs,
    firstTokenMs,
    statusCode: 200,
    success: failure === '',
    finishReason: failure === '' ? 'end_turn' : '',
    abortReason: failure,
    tokens: toTokens(tokens),
    usageSource: 'provider',
    attempts: [
      {
        keyId: upstreamKeyId,
        proxyId: '',
        endpoint: 'primary',
        statusCode: 200,
        cause: '',
        providerRequestId: requestId,
        startedAt: acceptedAt,
        durationMs: latencyMs,
        leaseGeneration: 1n,
      },
    ],
    clientRequestId: '',
    traceParent: '',
    namedPrice: '',
    allowance: undefined,
  };
}
