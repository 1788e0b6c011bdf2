import { OmgError } from '@omg/errors';
import { headerValue } from '@omg/llm-wire';
import { RETRY_DEFAULTS, type RetryPolicy } from '../domain/retry-policy.ts';
import type { Site } from '../domain/site.ts';
import { makeAttempt } from './attempt.ts';
import type { AttemptOutcome } from './attempt-outcome.ts';
import { makeAttemptUntilAnswered } from './attempt-until-answered.ts';
import { GatewayFailure } from './gateway-failure.ts';
import type { Lease, LeaseBroker } from './lease-broker.ts';
import type { ClientSink, Clock, OpenedRequest, Outbox } from './ports.ts';
import type { ClientRequest, PreparedRequest } from './prepare-request.ts';
import type { Upstream } from './upstream.ts';

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
  /** Absent: the defaults. */
  readonly retry?: () => RetryPolicy;
}

// longer ones are nobody's id, and would only fill the books
const MAX_CLIENT_REQUEST_ID = 128;

/**
 * One request from its acceptance to its settlement. Throws a GatewayFailure for what is refused or fails before the
 * client was answered; whatever was forwarded is settled, come what may.
 */
export function makeRelayRequest(deps: RelayRequestDeps): (request: ClientRequest, sink: ClientSink) => Promise<void> {
  const { outbox, clock } = deps;
  const retry = deps.retry ?? ((): RetryPolicy => RETRY_DEFAULTS);
  const attemptUntilAnswered = makeAttemptUntilAnswered({
    ...deps,
    retry,
    attempt: makeAttempt({ ...deps, retry }),
    open: (request, lease) => {
      const opened = openedRequest(request, lease, deps.traceParent());
      write(outbox, opened);
      return opened;
    },
  });
  return async (received, sink) => {
    const request = await deps.prepare(received);
    const { opened, outcome, attempts, failure } = await attemptUntilAnswered(request, sink);
    const { clientStatus, upstreamStatus: _, cause: _cause, providerRequestId: _id, ...rest } = outcome;
    if (received.trail !== undefined) received.trail.forwarded = true;
    const latencyMs = clock.monotonicMs() - request.acceptedMs;
    outbox.settled({ ...opened, ...rest, statusCode: clientStatus, latencyMs, attempts });
    deps.onSettled(request, outcome, latencyMs);
    if (failure !== undefined && !request.clientGone.aborted) throw failure;
  };
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
