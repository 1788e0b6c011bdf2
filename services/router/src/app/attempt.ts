import {
  clientResponseHeaders,
  headerValue,
  providerRequestId as readProviderRequestId,
  requestIdHeaders,
  rewriteRequest,
  upstreamRequestHeaders,
} from '@omg/llm-wire';
import type { Site } from '../domain/site.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';
import { readUpstreamError } from './answer-upstream-error.ts';
import { interruptionOf } from './attempt-failure.ts';
import { clientGone, type AttemptEnd } from './attempt-outcome.ts';
import type { Lease } from './lease-broker.ts';
import type { ClientSink, Clock, Outbox, Tokens } from './ports.ts';
import type { AdmittedRequest } from './prepare-request.ts';
import { relayStream } from './relay-stream.ts';
import { relayWhole } from './relay-whole.ts';
import { UpstreamError, type Upstream, type UpstreamResponse } from './upstream.ts';

export interface AttemptDeps {
  readonly site: () => Site;
  readonly retry: () => RetryPolicy;
  readonly upstream: Upstream;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

export interface AttemptInput {
  readonly request: AdmittedRequest;
  readonly lease: Lease;
  /** Aborts with the client, with the lease and with the request's whole time. */
  readonly signal: AbortSignal;
  /** The upstream's answer has begun, and is none that reports an error. */
  readonly onBegun: () => void;
}

/** Tries a request once, with one lease. What fails before the client has got a byte is handed back. */
export type Attempt = (input: AttemptInput, sink: ClientSink) => Promise<AttemptEnd>;

export function makeAttempt(deps: AttemptDeps): Attempt {
  return async (input, sink) => {
    const { request, lease, signal } = input;
    const seen = { status: 0, providerRequestId: '' };
    try {
      const removeUsageChunk =
        request.dialect === 'openai' && request.stream && request.scan.streamOptions?.includeUsage !== true;
      const { deadlines } = deps.site();
      const response = await deps.upstream.send({
        url: lease.urls[request.dialect],
        headers: upstreamRequestHeaders(request.headers, { dialect: request.dialect, key: lease.secret }),
        body: rewriteRequest(request.body, request.scan, {
          model: request.model.upstream,
          includeUsage: removeUsageChunk,
        }),
        proxy: lease.proxy,
        http2: lease.http2,
        headersTimeoutMs: request.stream ? deadlines.headersMs : deadlines.headersNotStreamingMs,
        idleTimeoutMs: deadlines.idleMs,
        signal,
      });
      seen.status = response.status;
      seen.providerRequestId = readProviderRequestId(response.headers) ?? '';
      // undici follows no redirection, and no provider has one that is meant for clients
      if (response.status >= 300) {
        const fault = await readUpstreamError(response, deps.clock.now().getTime());
        return { failure: { ...seen, name: fault.cause, fault } };
      }
      return await relay(deps, { ...input, response, removeUsageChunk, ...seen }, sink);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      const name = interruptionOf(error, { clientGone: request.clientGone, cut: lease.cut });
      return name === 'client_gone' ? { outcome: clientGone(seen) } : { failure: { ...seen, name, error } };
    }
  };
}

interface Answered extends AttemptInput {
  readonly response: UpstreamResponse;
  readonly removeUsageChunk: boolean;
  readonly providerRequestId: string;
}

async function relay(deps: AttemptDeps, answered: Answered, sink: ClientSink): Promise<AttemptEnd> {
  const { request, lease, response, removeUsageChunk, providerRequestId, onBegun } = answered;
  const own = [requestIdHeaders[request.dialect], request.requestId, ...request.limitHeaders];
  const headers = [...clientResponseHeaders(response.headers), ...own];
  const same = { request, response, headers, providerRequestId, onBegun, cut: lease.cut };
  const isStream = headerValue(response.headers, 'content-type')?.startsWith('text/event-stream') === true;
  if (!isStream) return await relayWhole(same, sink);
  const { headHoldMs, headHoldBytes } = deps.retry();
  const elapsedMs = (): number => deps.clock.monotonicMs() - request.acceptedMs;
  const onProgress = (tokens: Tokens): void => {
    deps.outbox.progress(request.requestId, tokens, lease.keyId);
  };
  return await relayStream({ ...same, removeUsageChunk, elapsedMs, onProgress, headHoldMs, headHoldBytes }, sink);
}
