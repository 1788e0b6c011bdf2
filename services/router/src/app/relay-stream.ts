import { StreamTap, createStreamObserver, errorEvent, type StreamObserver } from '@omg/llm-wire';
import type { AttemptOutcome } from './attempt-outcome.ts';
import { deliveredUsage, type Delivery } from './delivered-usage.ts';
import { UpstreamError, type ClientSink, type RawHeaders, type Tokens, type UpstreamResponse } from './ports.ts';
import type { PreparedRequest } from './prepare-request.ts';

export interface RelayStreamInput {
  readonly request: PreparedRequest;
  readonly response: UpstreamResponse;
  readonly headers: RawHeaders;
  /** The client did not ask for the chunk with the usage: it is for the gateway alone. */
  readonly removeUsageChunk: boolean;
  readonly providerRequestId: string;
  readonly elapsedMs: () => number;
  /** Takes down what was delivered so far: at the first numbers and then every second. */
  readonly onProgress: (tokens: Tokens) => void;
}

const PROGRESS_EVERY_MS = 1_000;
const CUT_MESSAGE = 'the upstream broke the answer off; what was delivered is incomplete';

/** Passes a stream on as it comes. One that is not whole never ends as if it were. */
export async function relayStream(input: RelayStreamInput, sink: ClientSink): Promise<AttemptOutcome> {
  const { request, response } = input;
  const observer = createStreamObserver(request.dialect, request.scan.choices);
  const tap = new StreamTap(observer, { removeUsageChunk: input.removeUsageChunk });
  const delivered = (): Delivery =>
    deliveredUsage({ usage: observer.usage, contentDeltas: observer.contentDeltas, bodyBytes: request.body.length });
  let firstTokenMs: number | undefined;
  let noteAtMs = 0;
  sink.begin(response.status, input.headers);
  let cause = '';
  try {
    for await (const chunk of response.body) {
      const passing: Uint8Array[] = [];
      tap.push(chunk, (bytes) => passing.push(bytes));
      if (observer.contentSeen) firstTokenMs ??= input.elapsedMs();
      for (const bytes of passing) await sink.write(bytes);
      if (observer.contentSeen && input.elapsedMs() >= noteAtMs) {
        input.onProgress(delivered().tokens);
        noteAtMs = input.elapsedMs() + PROGRESS_EVERY_MS;
      }
    }
    cause = observer.complete ? '' : observer.error === undefined ? 'truncated' : 'error_event';
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    cause = error.fault === 'aborted' && request.clientGone.aborted ? 'client_gone' : error.fault;
    // SDKs hang up on the terminal event, without waiting for the end of the body
    if (cause === 'client_gone' && observer.complete) cause = '';
  }
  await finish(cause, { observer, tap, request }, sink);
  return {
    clientStatus: cause === 'client_gone' ? 499 : response.status,
    upstreamStatus: response.status,
    success: cause === '',
    cause: cause === 'client_gone' ? '' : cause,
    abortReason: cause,
    finishReason: observer.finishReason ?? '',
    ...delivered(),
    firstTokenMs,
    providerRequestId: input.providerRequestId,
  };
}

async function finish(
  cause: string,
  parts: { observer: StreamObserver; tap: StreamTap; request: PreparedRequest },
  sink: ClientSink,
): Promise<void> {
  const { observer, tap, request } = parts;
  if (cause === '') {
    const rest: Uint8Array[] = [];
    tap.end((bytes) => rest.push(bytes));
    for (const bytes of rest) await sink.write(bytes);
    sink.end();
    return;
  }
  tap.end();
  // an error event of the upstream's own has told the client already
  const last =
    observer.error === undefined
      ? errorEvent(request.dialect, 'upstream_failed', {
          message: CUT_MESSAGE,
          requestId: request.requestId,
          midEvent: !tap.atBoundary,
        })
      : new Uint8Array();
  await sink.breakOff(last);
}
