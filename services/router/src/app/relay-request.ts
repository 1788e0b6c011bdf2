import { OmgError } from '@omg/errors';
import {
  clientResponseHeaders,
  headerValue,
  providerRequestId as readProviderRequestId,
  requestIdHeaders,
  rewriteRequest,
  upstreamRequestHeaders,
} from '@omg/llm-wire';
import type { Deadlines, Site } from '../domain/site.ts';
import { answerUpstreamError } from './answer-upstream-error.ts';
import { nothingDelivered, type AttemptOutcome } from './attempt-outcome.ts';
import { GatewayFailure } from './gateway-failure.ts';
import {
  UpstreamError,
  type ClientSink,
  type Clock,
  type Lease,
  type LeaseBroker,
  type OpenedRequest,
  type Outbox,
  type Tokens,
  type Upstream,
} from './ports.ts';
import type { ClientRequest, PreparedRequest } from './prepare-request.ts';
import { relayStream } from './relay-stream.ts';
import { relayWhole } from './relay-whole.ts';

export interface RelayRequestDeps {
  readonly site: () => Site;
  readonly prepare: (request: ClientRequest) => Promise<PreparedRequest>;
  readonly broker: LeaseBroker;
  readonly upstream: Upstream;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** W3C traceparent of the request's span. */
  readonly traceParent: () => string;
  /** Told of each request that was forwarded, when it is settled. */
  readonly onSettled: (request: PreparedRequest, outcome: AttemptOutcome, latencyMs: number) => void;
}

// longer ones are nobody's id, and would only fill the books
const MAX_CLIENT_REQUEST_ID = 128;

/**
 * One request from its acceptance to its settlement. Throws a GatewayFailure for what is refused or fails before the
 * client was answered; whatever was forwarded is settled, come what may.
 */
export function makeRelayRequest(deps: RelayRequestDeps): (request: ClientRequest, sink: ClientSink) => Promise<void> {
  return async (received, sink) => {
    const request = await deps.prepare(received);
    const lease = await acquire(deps.broker, request);
    try {
      const opened = openedRequest(request, lease, deps.traceParent());
      write(deps.outbox, opened);
      await forward(deps, { request, lease, opened }, sink);
    } finally {
      deps.broker.release(lease);
    }
  };
}

async function acquire(broker: LeaseBroker, request: PreparedRequest): Promise<Lease> {
  const message = 'no upstream key is available at the moment, please try again';
  try {
    const outcome = await broker.acquire(request.model.upstream, request.clientGone);
    if ('id' in outcome) return outcome;
    throw new GatewayFailure('no_key_available', message, { retryAfterMs: Math.max(outcome.retryAfterMs, 1_000) });
  } catch (error) {
    if (!(error instanceof OmgError)) throw error;
    throw new GatewayFailure('no_key_available', message, { retryAfterMs: 2_000, cause: error });
  }
}

function openedRequest(request: PreparedRequest, lease: Lease, traceParent: string): OpenedRequest {
  const { requestId, account, dialect, stream, model, acceptedAt, body } = request;
  const clientRequestId = headerValue(request.headers, 'x-request-id') ?? '';
  return {
    requestId,
    account,
    dialect,
    stream,
    model: model.id,
    upstreamModel: model.upstream,
    acceptedAt,
    keyId: lease.keyId,
    bodyBytes: body.length,
    clientRequestId: clientRequestId.slice(0, MAX_CLIENT_REQUEST_ID),
    traceParent,
  };
}

function write(outbox: Outbox, opened: OpenedRequest): void {
  try {
    outbox.opened(opened);
  } catch (error) {
    if (!(error instanceof OmgError)) throw error;
    throw new GatewayFailure('money_unknown', 'usage cannot be recorded at the moment, please try again', {
      retryAfterMs: 5_000,
      cause: error,
    });
  }
}

interface Forwarding {
  readonly request: PreparedRequest;
  readonly lease: Lease;
  readonly opened: OpenedRequest;
}

async function forward(
  deps: RelayRequestDeps,
  { request, lease, opened }: Forwarding,
  sink: ClientSink,
): Promise<void> {
  const startedAt = deps.clock.now();
  const startedMs = deps.clock.monotonicMs();
  let failure: unknown;
  let outcome: AttemptOutcome;
  try {
    outcome = await attempt(deps, request, lease, sink);
  } catch (error) {
    failure = toFailure(error);
    outcome = outcomeOf(error, request);
  }
  const { clientStatus, upstreamStatus, cause, providerRequestId, ...rest } = outcome;
  const nowMs = deps.clock.monotonicMs();
  deps.outbox.settled({
    ...opened,
    ...rest,
    statusCode: clientStatus,
    latencyMs: nowMs - request.acceptedMs,
    attempts: [
      {
        keyId: lease.keyId,
        proxyId: lease.proxyId,
        endpoint: lease.endpointName,
        statusCode: upstreamStatus,
        cause,
        providerRequestId,
        startedAt,
        durationMs: nowMs - startedMs,
        leaseGeneration: lease.generation,
      },
    ],
  });
  deps.onSettled(request, outcome, nowMs - request.acceptedMs);
  if (failure !== undefined && !request.clientGone.aborted) throw failure;
}

async function attempt(
  deps: RelayRequestDeps,
  request: PreparedRequest,
  lease: Lease,
  sink: ClientSink,
): Promise<AttemptOutcome> {
  const { deadlines } = deps.site();
  const removeUsageChunk =
    request.dialect === 'openai' && request.stream && request.scan.streamOptions?.includeUsage !== true;
  const response = await deps.upstream.send({
    url: lease.urls[request.dialect],
    headers: upstreamRequestHeaders(request.headers, { dialect: request.dialect, key: lease.secret }),
    body: rewriteRequest(request.body, request.scan, { model: request.model.upstream, includeUsage: removeUsageChunk }),
    idleTimeoutMs: deadlines.idleMs,
    ...limits(deadlines, request),
  });
  const providerRequestId = readProviderRequestId(response.headers) ?? '';
  if (response.status >= 400)
    return await answerUpstreamError(
      { request, response, lease, providerRequestId, nowMs: deps.clock.now().getTime() },
      sink,
    );
  const headers = [...clientResponseHeaders(response.headers), requestIdHeaders[request.dialect], request.requestId];
  const isStream = headerValue(response.headers, 'content-type')?.startsWith('text/event-stream') === true;
  if (!isStream) return await relayWhole({ request, response, headers, providerRequestId }, sink);
  const elapsedMs = (): number => deps.clock.monotonicMs() - request.acceptedMs;
  const onProgress = (tokens: Tokens): void => {
    deps.outbox.progress(request.requestId, tokens);
  };
  return await relayStream(
    { request, response, headers, removeUsageChunk, providerRequestId, elapsedMs, onProgress },
    sink,
  );
}

function limits(
  deadlines: Deadlines,
  { stream, clientGone }: PreparedRequest,
): { headersTimeoutMs: number; signal: AbortSignal } {
  const totalMs = stream ? deadlines.totalMs : deadlines.totalNotStreamingMs;
  return {
    headersTimeoutMs: stream ? deadlines.headersMs : deadlines.headersNotStreamingMs,
    signal: AbortSignal.any([clientGone, AbortSignal.timeout(totalMs)]),
  };
}

/** What the client is told when there was no answer. */
function toFailure(error: unknown): unknown {
  if (!(error instanceof UpstreamError)) return error;
  // aborted without the client being gone: the total deadline
  const timedOut = error.fault === 'timeout' || error.fault === 'aborted';
  return timedOut
    ? new GatewayFailure('upstream_timeout', 'the upstream did not answer in time', { cause: error })
    : new GatewayFailure('upstream_failed', 'the upstream could not be reached or broke off', { cause: error });
}

function outcomeOf(error: unknown, { clientGone }: PreparedRequest): AttemptOutcome {
  if (clientGone.aborted)
    return nothingDelivered({ clientStatus: 499, upstreamStatus: 0, cause: '', abortReason: 'client_gone' });
  const cause = error instanceof UpstreamError ? error.fault : 'internal';
  const clientStatus = cause === 'timeout' || cause === 'aborted' ? 504 : 502;
  return nothingDelivered({ clientStatus, upstreamStatus: 0, cause });
}
