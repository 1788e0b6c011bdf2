import {
  classifyUpstreamError,
  headerValue,
  sanitiseUpstreamError,
  type Hidden,
  type UpstreamFault,
} from '@omg/llm-wire';
import type { AttemptFailure } from './attempt-failure.ts';
import { nothingDelivered, type AttemptOutcome } from './attempt-outcome.ts';
import type { Lease } from './lease-broker.ts';
import type { ClientSink } from './ports.ts';
import type { PreparedRequest } from './prepare-request.ts';
import { UpstreamError, type UpstreamResponse } from './upstream.ts';

// no error that explains itself is longer
const MAX_ERROR_BYTES = 64 * 1024;

/** What an answer means that is no success, as far as it arrives. */
export async function readUpstreamError(response: UpstreamResponse, nowMs: number): Promise<UpstreamFault> {
  const { status, headers } = response;
  const contentType = headerValue(headers, 'content-type');
  return classifyUpstreamError({ status, headers, contentType, body: await readHead(response.body), nowMs });
}

async function readHead(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes >= MAX_ERROR_BYTES) break;
    }
  } catch (error) {
    // the status says enough
    if (!(error instanceof UpstreamError) || error.fault === 'aborted') throw error;
  }
  return Buffer.concat(chunks);
}

export interface RequestFaultInput {
  readonly request: PreparedRequest;
  readonly lease: Lease;
  readonly failure: AttemptFailure;
  readonly fault: UpstreamFault;
}

/** Tells the client what its request itself is at fault for: nothing of the upstream's own shows through. */
export function answerRequestFault(input: RequestFaultInput, sink: ClientSink): AttemptOutcome {
  const { request, lease, failure, fault } = input;
  const { status, providerRequestId } = failure;
  const answer = sanitiseUpstreamError(fault, {
    dialect: request.dialect,
    requestId: request.requestId,
    hidden: hiddenFrom(request, lease, providerRequestId),
  });
  sink.answer(answer.status, Object.entries(answer.headers).flat(), answer.body);
  return nothingDelivered({
    clientStatus: answer.status,
    upstreamStatus: status,
    cause: failure.name,
    providerRequestId,
  });
}

/** What the client must not learn of an attempt. */
export function hiddenFrom({ dialect }: PreparedRequest, lease: Lease, providerRequestId: string): Hidden {
  const { proxy } = lease;
  return {
    secrets: [lease.secret, ...(proxy?.password === undefined ? [] : [proxy.password])],
    hosts: [new URL(lease.urls[dialect]).hostname, ...(proxy === undefined ? [] : [proxy.host])],
    names: [lease.provider, lease.keyId, proxy?.id ?? '', providerRequestId],
  };
}
