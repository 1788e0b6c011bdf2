import { z } from 'zod';
import type { OpenedRequest } from '../app/ports.ts';

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
});

/** What the journal keeps of a request that was forwarded. */
export function serialiseOpened(request: OpenedRequest): Uint8Array {
  return Buffer.from(JSON.stringify(request), 'utf8');
}

export function parseOpened(bytes: Uint8Array): OpenedRequest {
  return OpenedRecord.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
}
