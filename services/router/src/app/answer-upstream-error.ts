import { classifyUpstreamError, headerValue, sanitiseUpstreamError } from '@omg/llm-wire';
import { nothingDelivered, type AttemptOutcome } from './attempt-outcome.ts';
import type { ClientSink, Lease, UpstreamResponse } from './ports.ts';
import type { PreparedRequest } from './prepare-request.ts';
import { readBounded } from './relay-whole.ts';

export interface UpstreamErrorInput {
  readonly request: PreparedRequest;
  readonly response: UpstreamResponse;
  readonly lease: Lease;
  readonly providerRequestId: string;
  readonly nowMs: number;
}

const MAX_ERROR_BYTES = 1024 * 1024;

/** Answers the client in place of an upstream that refused: nothing of the upstream's own shows through. */
export async function answerUpstreamError(input: UpstreamErrorInput, sink: ClientSink): Promise<AttemptOutcome> {
  const { request, response, lease, providerRequestId, nowMs } = input;
  const body = await readBounded(response.body, MAX_ERROR_BYTES);
  const { status, headers } = response;
  const fault = classifyUpstreamError({
    status,
    headers,
    contentType: headerValue(headers, 'content-type'),
    body,
    nowMs,
  });
  const answer = sanitiseUpstreamError(fault, {
    dialect: request.dialect,
    requestId: request.requestId,
    hidden: {
      secrets: [lease.secret],
      hosts: [new URL(lease.urls[request.dialect]).hostname],
      names: [lease.provider, lease.keyId, lease.proxyId, providerRequestId],
    },
  });
  sink.answer(answer.status, Object.entries(answer.headers).flat(), answer.body);
  return nothingDelivered({
    clientStatus: answer.status,
    upstreamStatus: response.status,
    cause: fault.cause,
    providerRequestId,
  });
}
