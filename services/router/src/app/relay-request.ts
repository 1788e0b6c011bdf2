import { OmgError } from '@omg/errors';
import { headerValue } from '@omg/llm-wire';
import { costNanoUsd } from '@omg/pricing';
import { RETRY_DEFAULTS, type RetryPolicy } from '../domain/retry-policy.ts';
import { maxOutput } from '../domain/reservation.ts';
import { boundsOf, type Site } from '../domain/site.ts';
import type { Used } from '../domain/usage-learner.ts';
import { admitRequest } from './admit-request.ts';
import type { AllowanceUse, Allowances } from './allowances.ts';
import { makeAttempt } from './attempt.ts';
import type { AttemptOutcome } from './attempt-outcome.ts';
import { makeAttemptUntilAnswered } from './attempt-until-answered.ts';
import { GatewayFailure } from './gateway-failure.ts';
import type { Lease, LeaseBroker } from './lease-broker.ts';
import type { ClientSink, Clock, OpenedRequest, Outbox, Tokens } from './ports.ts';
import type { AdmittedRequest, ClientRequest, PreparedRequest, PricedModel } from './prepare-request.ts';
import type { Upstream } from './upstream.ts';

export interface RelayRequestDeps {
  readonly site: () => Site;
  readonly prepare: (request: ClientRequest) => Promise<PreparedRequest>;
  readonly broker: LeaseBroker;
  readonly upstream: Upstream;
  readonly outbox: Outbox;
  readonly allowances: Allowances;
  /** Told what each request came to that was answered. */
  readonly learn: (model: string, used: Used) => void;
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
    const request = await admitRequest(deps, await deps.prepare(received));
    let use: AllowanceUse = { tokens: 0, costNanoUsd: 0, event: undefined };
    try {
      const { opened, outcome: seen, attempts, failure } = await attemptUntilAnswered(request, sink);
      const outcome = withinReservation(seen, request);
      if (received.trail !== undefined) received.trail.forwarded = true;
      const latencyMs = clock.monotonicMs() - request.acceptedMs;
      const { cost, minuteTokens } = reckon(outcome.tokens, request.priced);
      const event = outbox.settled({
        ...opened,
        statusCode: outcome.clientStatus,
        success: outcome.success,
        finishReason: outcome.finishReason,
        abortReason: outcome.abortReason,
        tokens: outcome.tokens,
        usageSource: outcome.usageSource,
        firstTokenMs: outcome.firstTokenMs,
        latencyMs,
        costNanoUsd: cost,
        attempts,
      });
      use = { tokens: minuteTokens, costNanoUsd: cost, event };
      if (outcome.success) deps.learn(request.model.id, usedOf(request, outcome.tokens));
      deps.onSettled(request, outcome, latencyMs);
      if (failure !== undefined && !request.clientGone.aborted) throw failure;
    } finally {
      deps.allowances.settle(request.allowance, use);
    }
  };
}

/** What was not counted by the provider is never more than what was reserved for it. */
function withinReservation(outcome: AttemptOutcome, { asked, model }: PreparedRequest): AttemptOutcome {
  const { usageSource, tokens } = outcome;
  const most = maxOutput(asked, boundsOf(model));
  if (usageSource === 'provider' || tokens.output <= most) return outcome;
  return { ...outcome, tokens: { ...tokens, output: most } };
}

/** What the tokens cost, and how many of them count by the minute. */
function reckon(tokens: Tokens, { price }: PricedModel): { readonly cost: number; readonly minuteTokens: number } {
  const { input, output, cacheWrite5m, cacheWrite1h, cacheRead } = tokens;
  const cost = costNanoUsd(
    {
      input: BigInt(input),
      output: BigInt(output),
      cacheWrite5m: BigInt(cacheWrite5m),
      cacheWrite1h: BigInt(cacheWrite1h),
      cacheRead: BigInt(cacheRead),
    },
    price,
  );
  return { cost: Number(cost), minuteTokens: input + cacheWrite5m + cacheWrite1h + output };
}

function usedOf({ body }: PreparedRequest, { input, output, cacheWrite5m, cacheWrite1h }: Tokens): Used {
  return { bodyBytes: body.length, input: input + cacheWrite5m + cacheWrite1h, output };
}

/** What is written down of a request before its first byte goes up. */
export function openedRequest(request: AdmittedRequest, lease: Lease, traceParent: string): OpenedRequest {
  const { requestId, account, allowance, priced, dialect, stream, model, acceptedAt, body } = request;
  const { tenantId, tenantName, clientKeyId } = account;
  const { opened, tokens, money } = allowance;
  const clientRequestId = headerValue(request.headers, 'x-request-id') ?? '';
  return {
    requestId,
    account: { tenantId, tenantName, clientKeyId },
    dialect,
    stream,
    model: model.id,
    upstreamModel: model.upstream,
    acceptedAt,
    keyId: lease.keyId,
    bodyBytes: body.length,
    clientRequestId: clientRequestId.slice(0, MAX_CLIENT_REQUEST_ID),
    traceParent,
    priceVersion: priced.version,
    allowance: { opened, tokens, money },
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
