import {
  acceptsCoding,
  clientResponseHeaders,
  contentCoding,
  headerValue,
  providerRequestId as readProviderRequestId,
  requestIdHeaders,
  rewriteRequest,
  upstreamRequestHeaders,
} from '@omg/llm-wire';
import type { Site } from '../domain/site.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';
import { hiddenFrom, readUpstreamError } from './answer-upstream-error.ts';
import { interruptionOf, type Late } from './attempt-failure.ts';
import { clientGone, type AttemptEnd } from './attempt-outcome.ts';
import { answerCannotCount, cannotCount, countUrl, withoutUsage } from './count-attempt.ts';
import { decodedAnswer, keepBytes } from './decoded-answer.ts';
import type { Lease } from './lease-broker.ts';
import type { ClientSink, Clock, Progress } from './ports.ts';
import type { AdmittedRequest } from './prepare-request.ts';
import { relayStream } from './relay-stream.ts';
import { relayWhole } from './relay-whole.ts';
import { UsageOption } from './usage-option.ts';
import { UpstreamError, type Upstream, type UpstreamResponse } from './upstream.ts';

export interface AttemptDeps {
  readonly site: () => Site;
  readonly retry: () => RetryPolicy;
  readonly upstream: Upstream;
  readonly clock: Clock;
  /** Absent: an answer to the request. */
  readonly operation?: 'count_tokens';
}

export interface AttemptInput {
  readonly request: AdmittedRequest;
  readonly lease: Lease;
  /** Aborts with the patience for a client that left, with the lease, with the request's whole time and with `late`. */
  readonly signal: AbortSignal;
  /** To be aborted where a stream's first token does not come in time. */
  readonly late: Late;
  /** Has what is read after the client left counted. */
  readonly counted: (response: UpstreamResponse) => UpstreamResponse;
  /** The upstream's answer has begun, and is none that reports an error. */
  readonly onBegun: () => void;
  /** Told now and then what a stream has delivered. */
  readonly onProgress: (delivered: Pick<Progress, 'tokens' | 'providerRequestId'>) => void;
}

/** Tries a request once, with one lease. What fails before the client has got a byte is handed back. */
export type Attempt = (input: AttemptInput, sink: ClientSink) => Promise<AttemptEnd>;

export function makeAttempt(deps: AttemptDeps): Attempt {
  const usageOption = new UsageOption(deps.clock.monotonicMs);
  return async (input, sink) => {
    const { request, lease, signal } = input;
    const counts = deps.operation === 'count_tokens';
    const seen = { status: 0, providerRequestId: '' };
    try {
      const { upstream: model } = request.model;
      const url = lease.urls[request.dialect];
      const removeUsageChunk =
        request.dialect === 'openai' &&
        request.stream &&
        request.scan.streamOptions?.includeUsage !== true &&
        usageOption.mayAsk(url, model);
      const { deadlines, userAgent, addHeaders } = deps.site();
      const sentMs = deps.clock.monotonicMs();
      const response = await deps.upstream.send({
        url: counts ? countUrl(url) : url,
        headers: upstreamRequestHeaders(request.headers, {
          dialect: request.dialect,
          key: lease.secret,
          add: addHeaders,
          ...(userAgent === undefined ? {} : { userAgent }),
        }),
        body: rewriteRequest(request.body, request.scan, {
          model,
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
        const fault = await readUpstreamError(decodedAnswer(response), deps.clock.now().getTime());
        if (counts && cannotCount(fault)) return { outcome: answerCannotCount(request, seen, sink) };
        const isOurs = removeUsageChunk && usageOption.noteRejection(url, model, fault);
        return { failure: { ...seen, name: isOurs ? 'usage_option' : fault.cause, fault } };
      }
      return await relay(
        deps,
        { ...input, response: input.counted(response), removeUsageChunk, sentMs, ...seen },
        sink,
      );
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
  readonly sentMs: number;
  readonly providerRequestId: string;
}

async function relay(deps: AttemptDeps, answered: Answered, sink: ClientSink): Promise<AttemptEnd> {
  const { request, lease, removeUsageChunk, sentMs, late, providerRequestId, onBegun } = answered;
  const own = [requestIdHeaders[request.dialect], request.requestId, ...request.limitHeaders];
  const isStream = headerValue(answered.response.headers, 'content-type')?.startsWith('text/event-stream') === true;
  // between the events of a stream go signs of life and, in the end, what became of it: it is never passed on compressed
  const coding = contentCoding(answered.response.headers);
  const encoded =
    !isStream && coding !== undefined && coding !== 'unknown' && acceptsCoding(request.headers, coding)
      ? keepBytes(answered.response)
      : undefined;
  const response = decodedAnswer(encoded?.response ?? answered.response);
  const headers = [...clientResponseHeaders(response.headers, { encoded: encoded !== undefined }), ...own];
  const same = { request, response, headers, providerRequestId, onBegun, cut: lease.cut, encoded: encoded?.bytes };
  if (deps.operation === 'count_tokens') return withoutUsage(await relayWhole(same, sink));
  if (!isStream) return await relayWhole(same, sink);
  const { headHoldMs, headHoldBytes } = deps.retry();
  const { deadlines, heartbeatMs } = deps.site();
  return await relayStream(
    {
      ...same,
      hidden: hiddenFrom(request, lease, providerRequestId),
      removeUsageChunk,
      elapsedMs: () => deps.clock.monotonicMs() - request.acceptedMs,
      onProgress: (tokens) => {
        answered.onProgress({ tokens, providerRequestId });
      },
      headHoldMs,
      headHoldBytes,
      late,
      firstTokenMs: Math.max(0, deadlines.firstTokenMs - (deps.clock.monotonicMs() - sentMs)),
      heartbeatMs,
    },
    sink,
  );
}
