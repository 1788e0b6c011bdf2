import { readResponseUsage } from '@omg/llm-wire';
import { nothingDelivered, type AttemptOutcome } from './attempt-outcome.ts';
import { deliveredUsage } from './delivered-usage.ts';
import { GatewayFailure } from './gateway-failure.ts';
import { UpstreamError, type ClientSink, type RawHeaders, type UpstreamResponse } from './ports.ts';
import type { PreparedRequest } from './prepare-request.ts';

export interface RelayWholeInput {
  readonly request: PreparedRequest;
  readonly response: UpstreamResponse;
  readonly headers: RawHeaders;
  readonly providerRequestId: string;
}

const BYTES_PER_TOKEN = 4;
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** Passes on an answer that is no stream, when it is there in full: nobody can use the half of a JSON document. */
export async function relayWhole(input: RelayWholeInput, sink: ClientSink): Promise<AttemptOutcome> {
  const { request, response, providerRequestId } = input;
  const collected = await collect(request, response);
  if ('cause' in collected) {
    return nothingDelivered({
      clientStatus: 499,
      upstreamStatus: response.status,
      cause: '',
      abortReason: collected.cause,
      providerRequestId,
    });
  }
  const { body } = collected;
  sink.answer(response.status, input.headers, body);
  const report = readResponseUsage(request.dialect, body);
  return {
    clientStatus: response.status,
    upstreamStatus: response.status,
    success: true,
    cause: '',
    abortReason: '',
    finishReason: report?.finishReason ?? '',
    // without numbers of the provider's the size of the answer is all there is to go by
    ...deliveredUsage({
      usage: report?.usage,
      contentDeltas: Math.ceil(body.length / BYTES_PER_TOKEN),
      bodyBytes: request.body.length,
    }),
    firstTokenMs: undefined,
    providerRequestId,
  };
}

async function collect(
  request: PreparedRequest,
  response: UpstreamResponse,
): Promise<{ body: Buffer } | { cause: 'client_gone' }> {
  try {
    return { body: await readBounded(response.body, MAX_BODY_BYTES) };
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    if (request.clientGone.aborted) return { cause: 'client_gone' };
    throw error;
  }
}

/** The whole of a body; a GatewayFailure where it is larger than the bound. */
export async function readBounded(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw new GatewayFailure('upstream_failed', 'the answer of the upstream is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
