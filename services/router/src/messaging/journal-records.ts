import { z } from 'zod';
import type { OpenedRequest, Progress } from '../app/ports.ts';

const OpenedRecord = z.object({
  requestId: z.string(),
  account: z.object({ tenantId: z.string(), tenantName: z.string(), clientKeyId: z.string() }),
  dialect: z.enum(['openai', 'anthropic']),
  stream: z.boolean(),
  model: z.string(),
  upstreamModel: z.string(),
  acceptedAt: z.coerce.date(),
  keyId: z.string(),
  bodyBytes: z.number(),
  clientRequestId: z.string(),
  traceParent: z.string(),
  // absent in what an earlier version has left
  priceVersion: z.string().default(''),
  allowance: z
    .object({
      opened: z.number(),
      tokens: z.number(),
      money: z.array(
        z.object({ of: z.enum(['credit', 'tenant_budget', 'key_budget']), bucket: z.string(), nanoUsd: z.number() }),
      ),
    })
    .default({ opened: 0, tokens: 0, money: [] }),
});

/** What the journal keeps of a request that was forwarded. */
export function serialiseOpened(request: OpenedRequest): Uint8Array {
  // a date has a way of its own into JSON, and would keep the whole from the fast one
  return Buffer.from(JSON.stringify({ ...request, acceptedAt: request.acceptedAt.getTime() }), 'utf8');
}

export function parseOpened(bytes: Uint8Array): OpenedRequest {
  return OpenedRecord.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
}

const Count = z.number().nonnegative();
const ProgressRecord = z.object({
  tokens: z.object({ input: Count, output: Count, cacheWrite5m: Count, cacheWrite1h: Count, cacheRead: Count }),
  keyId: z.string(),
  // absent in what an earlier version has left
  providerRequestId: z.string().default(''),
  failed: z
    .array(
      z.object({
        keyId: z.string(),
        proxyId: z.string(),
        endpoint: z.string(),
        statusCode: z.number(),
        cause: z.string(),
        providerRequestId: z.string(),
        startedAt: z.coerce.date(),
        durationMs: z.number(),
        leaseGeneration: z.coerce.bigint(),
      }),
    )
    .default([]),
});

export function serialiseProgress(progress: Progress): Uint8Array {
  const failed = progress.failed.map((attempt) => ({ ...attempt, leaseGeneration: String(attempt.leaseGeneration) }));
  return Buffer.from(JSON.stringify({ ...progress, failed }), 'utf8');
}

export function parseProgress(bytes: Uint8Array): Progress {
  return ProgressRecord.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
}
