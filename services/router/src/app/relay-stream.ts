import {
  StreamTap,
  classifyStreamError,
  createStreamObserver,
  errorEvent,
  heartbeat,
  redact,
  type Hidden,
  type WireError,
} from '@omg/llm-wire';
import { interruptionOf, type AttemptFailure, type FailureName, type Late } from './attempt-failure.ts';
import { AttemptHead } from './attempt-head.ts';
import { clientGone, NO_TOKENS, type AttemptEnd } from './attempt-outcome.ts';
import { deliveredUsage, type Delivery } from './delivered-usage.ts';
import { Heartbeat } from './heartbeat.ts';
import type { ClientSink, Tokens } from './ports.ts';
import type { PreparedRequest } from './prepare-request.ts';
import { UpstreamError, type RawHeaders, type UpstreamResponse } from './upstream.ts';

export interface RelayStreamInput {
  readonly request: PreparedRequest;
  readonly response: UpstreamResponse;
  readonly headers: RawHeaders;
  /** The client did not ask for the chunk with the usage: it is for the gateway alone. */
  readonly removeUsageChunk: boolean;
  readonly providerRequestId: string;
  readonly elapsedMs: () => number;
  /** Takes down what was delivered so far: that there is an answer, then its first content, and then every second. */
  readonly onProgress: (tokens: Tokens) => void;
  readonly headHoldMs: number;
  readonly headHoldBytes: number;
  /** The answer has begun, and the client gets its first byte. */
  readonly onBegun: () => void;
  readonly cut: AbortSignal;
  /** What the client must not learn of the attempt. */
  readonly hidden: Hidden;
  /** Aborts the attempt where its first token does not come in time. */
  readonly late: Late;
  /** What is left of the time for that. */
  readonly firstTokenMs: number;
  readonly heartbeatMs: number;
}

const PROGRESS_EVERY_MS = 1_000;
const CUT_MESSAGE = 'the upstream broke the answer off; what was delivered is incomplete';

type Breach = FailureName | 'client_gone' | 'error_event';

/**
 * Passes a stream on as it comes, once its content has begun: what fails before that may be tried again. One that is not
 * whole never ends as if it were.
 */
export async function relayStream(input: RelayStreamInput, sink: ClientSink): Promise<AttemptEnd> {
  const { request, response } = input;
  const { status } = response;
  const observer = createStreamObserver(request.dialect, request.scan.choices);
  // whole events only: a half of one could tell what the whole is not let pass for
  const tap = new StreamTap(observer, {
    holdPartialEvents: true,
    removeUsageChunk: input.removeUsageChunk,
    // the upstream's own word of its error is not always for the client
    withholds: (reported) => tellsTooMuch(reported, input.hidden),
  });
  using head = new AttemptHead({
    sink,
    status,
    headers: input.headers,
    holdMs: input.headHoldMs,
    maxBytes: input.headHoldBytes,
    onRelease: input.onBegun,
  });
  const delivered = (): Delivery =>
    deliveredUsage({ usage: observer.usage, contentDeltas: observer.contentDeltas, bodyBytes: request.body.length });
  const slow = setTimeout(() => {
    input.late.abort();
  }, input.firstTokenMs);
  using pulse = new Heartbeat({
    everyMs: input.heartbeatMs,
    beat: () => {
      if (head.released && !request.clientGone.aborted && tap.atBoundary && !observer.terminalSeen)
        sink.write(heartbeat(request.dialect)).catch(() => undefined);
    },
  });
  let firstTokenMs: number | undefined;
  let noteAtMs = 0;
  let isNoted = false;
  let breach: Breach | undefined;
  let error: unknown;
  // the client has left, and what comes is read for the books alone
  let isUnread = false;
  pulse.wait();
  try {
    for await (const chunk of response.body) {
      pulse.pause();
      isUnread ||= request.clientGone.aborted && !observer.complete;
      const passing: Uint8Array[] = [];
      tap.push(chunk, (bytes) => passing.push(bytes));
      if (!head.released && observer.errorBeforeContent && observer.error !== undefined)
        return { failure: errorEventFailure(observer.error, input) };
      if (observer.contentSeen && firstTokenMs === undefined) {
        firstTokenMs = input.elapsedMs();
        clearTimeout(slow);
      }
      if (observer.contentSeen || observer.terminalSeen) await head.release();
      for (const bytes of passing) await head.write(bytes);
      if (tap.withheld) break;
      if (observer.contentSeen && input.elapsedMs() >= noteAtMs) {
        input.onProgress(delivered().tokens);
        noteAtMs = input.elapsedMs() + PROGRESS_EVERY_MS;
      } else if (!isNoted) input.onProgress(NO_TOKENS);
      isNoted = true;
      pulse.wait();
    }
    if (isUnread) breach = 'client_gone';
    else if (!observer.complete) breach = observer.error === undefined ? 'truncated' : 'error_event';
  } catch (caught) {
    if (!(caught instanceof UpstreamError)) throw caught;
    error = caught;
    breach = interruptionOf(caught, { clientGone: request.clientGone, cut: input.cut, late: input.late });
    if (isUnread) breach = 'client_gone';
    // SDKs hang up on the terminal event, without waiting for the end of the body
    else if (breach === 'client_gone' && observer.complete) breach = undefined;
  } finally {
    clearTimeout(slow);
    pulse.pause();
  }
  if (!head.released && breach !== undefined) return unseen(breach, error, input);
  await finish(breach, { told: observer.error !== undefined && !tap.withheld, tap, head, request }, sink);
  return {
    outcome: {
      clientStatus: breach === 'client_gone' ? 499 : status,
      upstreamStatus: status,
      success: breach === undefined,
      cause: breach === 'client_gone' ? '' : (breach ?? ''),
      abortReason: breach ?? '',
      finishReason: observer.finishReason ?? '',
      ...delivered(),
      firstTokenMs,
      providerRequestId: input.providerRequestId,
      unreadEvents: observer.malformedEvents + observer.oversizedEvents,
    },
  };
}

/** Of keys, proxies and providers, which an answer with a status would not tell of either. */
function tellsTooMuch({ message, type, code, param }: WireError, hidden: Hidden): boolean {
  return [message, type, code, param].some((text) => text !== undefined && redact(text, hidden) !== text.trim());
}

function errorEventFailure(error: WireError, { response, providerRequestId }: RelayStreamInput): AttemptFailure {
  const fault = classifyStreamError(error);
  return { name: fault.cause, status: response.status, providerRequestId, fault };
}

/** The client has got nothing of it. */
function unseen(breach: Breach, error: unknown, { response, providerRequestId }: RelayStreamInput): AttemptEnd {
  const seen = { status: response.status, providerRequestId };
  if (breach === 'client_gone') return { outcome: clientGone(seen) };
  return { failure: { ...seen, name: breach === 'error_event' ? 'upstream_error' : breach, error } };
}

interface FinishedParts {
  /** An error event of the upstream's own has told the client already. */
  readonly told: boolean;
  readonly tap: StreamTap;
  readonly head: AttemptHead;
  readonly request: PreparedRequest;
}

async function finish(breach: Breach | undefined, parts: FinishedParts, sink: ClientSink): Promise<void> {
  const { told, tap, head, request } = parts;
  if (breach === undefined) {
    const rest: Uint8Array[] = [];
    tap.end((bytes) => rest.push(bytes));
    for (const bytes of rest) await head.write(bytes);
    await head.release();
    sink.end();
    return;
  }
  const midEvent = !tap.atBoundary;
  tap.end();
  const { dialect, requestId } = request;
  const event = { message: CUT_MESSAGE, requestId, midEvent };
  await sink.breakOff(told ? new Uint8Array() : errorEvent(dialect, 'upstream_failed', event));
}
