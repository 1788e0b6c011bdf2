import { classifyStreamError, readResponseUsage } from '@omg/llm-wire';
import { interruptionOf } from './attempt-failure.ts';
import { clientGone, type AttemptEnd } from './attempt-outcome.ts';
import { deliveredUsage } from './delivered-usage.ts';
import { GatewayFailure } from './gateway-failure.ts';
import type { ClientSink } from './ports.ts';
import type { PreparedRequest } from './prepare-request.ts';
import { UpstreamError, type RawHeaders, type UpstreamResponse } from './upstream.ts';

export interface RelayWholeInput {
  readonly request: PreparedRequest;
  readonly response: UpstreamResponse;
  readonly headers: RawHeaders;
  readonly providerRequestId: string;
  /** The answer has begun, and not as an error. */
  readonly onBegun: () => void;
  readonly cut: AbortSignal;
  /** The answer as it came, where it came compressed and its client can read that. */
  readonly encoded?: (() => Uint8Array) | undefined;
}

const BYTES_PER_TOKEN = 4;
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Some report an error with status 200. */
const ERROR_BEGINS = /^\s*\{\s*"(error"|type"\s*:\s*"error")/;
const ERROR_BEGINS_WITHIN = 64;

/** Passes on an answer that is no stream, when it is there in full: nobody can use the half of a JSON document. */
export async function relayWhole(input: RelayWholeInput, sink: ClientSink): Promise<AttemptEnd> {
  const { request, response, providerRequestId } = input;
  const seen = { status: response.status, providerRequestId };
  let body: Buffer;
  try {
    body = await readAnswer(input);
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    const name = interruptionOf(error, { clientGone: request.clientGone, cut: input.cut });
    return name === 'client_gone' ? { outcome: clientGone(seen) } : { failure: { ...seen, name, error } };
  }
  const report = readResponseUsage(request.dialect, body);
  if (report === undefined) return { failure: { ...seen, name: 'malformed' } };
  if (report.error !== undefined) {
    const fault = classifyStreamError(report.error);
    return { failure: { ...seen, name: fault.cause, fault } };
  }
  input.onBegun();
  const isUnread = request.clientGone.aborted;
  sink.answer(response.status, input.headers, input.encoded?.() ?? body);
  return {
    outcome: {
      clientStatus: isUnread ? 499 : response.status,
      upstreamStatus: response.status,
      success: !isUnread,
      cause: '',
      abortReason: isUnread ? 'client_gone' : '',
      finishReason: report.finishReason ?? '',
      // without numbers of the provider's the size of the answer is all there is to go by
      ...deliveredUsage({
        usage: report.usage,
        contentDeltas: Math.ceil(body.length / BYTES_PER_TOKEN),
        bodyBytes: request.body.length,
      }),
      firstTokenMs: undefined,
      providerRequestId,
    },
  };
}

async function readAnswer({ response, onBegun }: RelayWholeInput): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body) {
    if (sizeBytes === 0 && !beginsAsError(chunk)) onBegun();
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES)
      throw new GatewayFailure('upstream_failed', 'the answer of the upstream is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function beginsAsError(chunk: Uint8Array): boolean {
  return ERROR_BEGINS.test(Buffer.from(chunk.subarray(0, ERROR_BEGINS_WITHIN)).toString('latin1'));
}
