import { gatewayErrors } from '@omg/llm-wire';
import { pause } from '@omg/service';
import { decideRetry, mayUse, type RetryPolicy, type Route, type Try } from '../domain/retry-policy.ts';
import type { Site } from '../domain/site.ts';
import { AnyAbort } from './any-abort.ts';
import { answerRequestFault } from './answer-upstream-error.ts';
import type { Attempt } from './attempt.ts';
import { causeOf, noKeyAvailable, toGatewayFailure, verdictOf, type AttemptFailure } from './attempt-failure.ts';
import { NO_TOKENS, clientGone, nothingDelivered, type AttemptEnd, type AttemptOutcome } from './attempt-outcome.ts';
import { patienceWith } from './client-gone.ts';
import { GatewayFailure } from './gateway-failure.ts';
import type { Lease, LeaseBroker, LeaseRefusal } from './lease-broker.ts';
import type { AttemptReport, ClientSink, Clock, OpenedRequest, Outbox, Progress } from './ports.ts';
import type { AdmittedRequest, PreparedRequest } from './prepare-request.ts';

export interface AttemptUntilAnsweredDeps {
  readonly site: () => Site;
  readonly retry: () => RetryPolicy;
  readonly broker: LeaseBroker;
  readonly attempt: Attempt;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** Writes the request down before its first byte goes up; throws where that cannot be. */
  readonly open: (request: AdmittedRequest, lease: Lease) => OpenedRequest;
}

/** What became of a request that was forwarded. */
export interface Attempted {
  readonly opened: OpenedRequest;
  readonly outcome: AttemptOutcome;
  readonly attempts: readonly AttemptReport[];
  /** To be thrown once the request is in the books: the client has not been told. */
  readonly failure: unknown;
}

/**
 * Tries a request until the client has an answer, or there is nothing left to try. Throws only where nothing was
 * forwarded at all.
 */
export type AttemptUntilAnswered = (request: AdmittedRequest, sink: ClientSink) => Promise<Attempted>;

export function makeAttemptUntilAnswered(deps: AttemptUntilAnsweredDeps): AttemptUntilAnswered {
  return async (request, sink) => await new Run(deps, request, sink).go();
}

interface LastTry {
  readonly lease: Lease;
  readonly failure: AttemptFailure;
}

class Run {
  readonly #deps: AttemptUntilAnsweredDeps;
  readonly #request: AdmittedRequest;
  readonly #sink: ClientSink;
  readonly #deadlineMs: number;
  readonly #timeUp = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** Nobody waits any more, or not for longer. */
  readonly #stop: AnyAbort;
  readonly #history: Try[] = [];
  readonly #attempts: AttemptReport[] = [];
  #opened: OpenedRequest | undefined;
  #waits = 0;
  #last: LastTry | undefined;
  #refusal: LeaseRefusal | undefined;

  constructor(deps: AttemptUntilAnsweredDeps, request: AdmittedRequest, sink: ClientSink) {
    this.#deps = deps;
    this.#request = request;
    this.#sink = sink;
    const { totalMs, totalNotStreamingMs } = deps.site().deadlines;
    this.#deadlineMs = request.acceptedMs + (request.stream ? totalMs : totalNotStreamingMs);
    const leftMs = Math.max(0, Math.ceil(this.#deadlineMs - deps.clock.monotonicMs()));
    this.#timer = setTimeout(() => {
      this.#timeUp.abort(new DOMException('the time for the request is up', 'TimeoutError'));
    }, leftMs);
    this.#stop = new AnyAbort([request.clientGone, this.#timeUp.signal]);
  }

  async go(): Promise<Attempted> {
    try {
      for (;;) {
        const ended = await this.#next();
        if (ended !== undefined) return ended;
      }
    } catch (error) {
      if (this.#opened === undefined) throw error;
      // what was forwarded is settled, come what may
      return this.#failed(error);
    } finally {
      clearTimeout(this.#timer);
      this.#stop[Symbol.dispose]();
    }
  }

  /** Asks the broker once, and tries what it gives; undefined where another attempt may follow. */
  async #next(): Promise<Attempted | undefined> {
    const { retry, clock } = this.#deps;
    const question = { history: this.#history, policy: retry(), nowMs: clock.monotonicMs() };
    const decision = decideRetry({
      ...question,
      waits: this.#waits,
      deadlineMs: this.#deadlineMs,
      jitter: Math.random(),
    });
    if (this.#hasLeft()) return this.#left();
    if (decision.kind === 'give_up') return this.#giveUp();
    const { afterMs, exclude } = decision;
    if (afterMs > 0) {
      this.#waits += 1;
      await pause(afterMs, this.#stop.signal);
      if (this.#hasLeft()) return this.#left();
    }
    const lease = await this.#acquire(exclude);
    if ('reason' in lease) {
      this.#refused(lease);
      return undefined;
    }
    let used = NO_TOKENS;
    try {
      const route = routeOf(lease);
      // a timer may be a little early
      const nowMs = Math.max(clock.monotonicMs(), question.nowMs + afterMs);
      if (!mayUse(route, { ...question, nowMs }, afterMs > 0)) {
        this.#history.push({ kind: 'given_back', route });
        return undefined;
      }
      this.#writeDown(lease);
      const ended = await this.#try(lease, route);
      used = ended?.outcome.tokens ?? NO_TOKENS;
      return ended;
    } finally {
      this.#deps.broker.release(lease, used.input + used.cacheWrite5m + used.cacheWrite1h + used.output);
    }
  }

  async #acquire(exclude: readonly string[]): Promise<Lease | LeaseRefusal> {
    const { model, affinityHash, reservation } = this.#request;
    const { tokens } = reservation;
    const { signal } = this.#stop;
    try {
      return await this.#deps.broker.acquire({ model: model.upstream, affinityHash, tokens, exclude, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      return { reason: 'unavailable', retryAfterMs: undefined };
    }
  }

  #writeDown(lease: Lease): void {
    if (this.#opened === undefined) this.#opened = this.#deps.open(this.#request, lease);
    else this.#noteProgress({ keyId: lease.keyId });
  }

  /** Should this process die, the books have what was tried, and with which key it was being tried. */
  #noteProgress(running: Partial<Progress>): void {
    const nothing = { tokens: NO_TOKENS, keyId: '', providerRequestId: '' };
    this.#deps.outbox.progress(this.#request.requestId, { ...nothing, ...running, failed: this.#attempts });
  }

  #refused(refusal: LeaseRefusal): void {
    const { reason, retryAfterMs } = refusal;
    this.#refusal = refusal;
    this.#history.push({ kind: 'refused', retryAfterMs, passing: reason === 'slots' || reason === 'unavailable' });
  }

  /** Undefined where another attempt may follow. */
  async #try(lease: Lease, route: Route): Promise<Attempted | undefined> {
    const { broker, clock } = this.#deps;
    const request = this.#request;
    const model = request.model.upstream;
    const startedAt = clock.now();
    const startedMs = clock.monotonicMs();
    const note = (what: Pick<AttemptReport, 'statusCode' | 'cause' | 'providerRequestId'>): void => {
      this.#attempts.push({
        ...what,
        keyId: lease.keyId,
        proxyId: route.proxyId,
        endpoint: lease.endpointName,
        startedAt,
        durationMs: clock.monotonicMs() - startedMs,
        leaseGeneration: lease.generation,
      });
    };
    using patience = patienceWith(request.clientGone, this.#deps.site().onClientGone);
    using stop = new AnyAbort([this.#timeUp.signal, patience.over, lease.cut]);
    const late = {
      aborted: false,
      abort: () => {
        late.aborted = true;
        stop.abort();
      },
    };
    let end: AttemptEnd;
    try {
      end = await this.#deps.attempt(
        {
          request,
          lease,
          signal: stop.signal,
          late,
          counted: patience.counted,
          onBegun: () => {
            broker.report(lease, { cause: 'success', model });
          },
          onProgress: (delivered) => {
            this.#noteProgress({ ...delivered, keyId: lease.keyId });
          },
        },
        this.#sink,
      );
    } catch (error) {
      note({ statusCode: 0, cause: 'internal', providerRequestId: '' });
      return this.#failed(error);
    }
    if ('outcome' in end) {
      const { outcome } = end;
      note({
        statusCode: outcome.upstreamStatus,
        cause: outcome.cause,
        providerRequestId: outcome.providerRequestId,
      });
      if (outcome.abortReason === 'client_gone') broker.report(lease, { cause: 'cancelled' });
      return this.#ended(outcome);
    }
    const { failure } = end;
    const { name, status, providerRequestId, fault } = failure;
    note({ statusCode: status, cause: name, providerRequestId });
    // the same again, without what was not taken: nothing has failed that anybody asked for
    const again = name === 'usage_option' && !this.#hasLeft();
    this.#noteProgress(again ? { keyId: lease.keyId } : {});
    if (again) return await this.#try(lease, route);
    broker.report(lease, verdictOf(failure, lease, model));
    this.#last = { lease, failure };
    this.#refusal = undefined;
    this.#history.push({
      kind: 'failed',
      route,
      cause: causeOf(failure),
      atMs: clock.monotonicMs(),
      retryAfterMs: fault?.retryAfterMs,
    });
    return undefined;
  }

  #giveUp(): Attempted {
    const last = this.#last;
    const request = this.#request;
    const refusedForMs = this.#refusal?.retryAfterMs;
    if (last === undefined) throw noKeyAvailable(refusedForMs);
    const { failure, lease } = last;
    const { fault, name, status, providerRequestId } = failure;
    if (fault?.cause === 'request_fault')
      return this.#ended(answerRequestFault({ request, lease, failure, fault }, this.#sink));
    const told = toGatewayFailure(failure, refusedForMs);
    const clientStatus = statusOf(request, told);
    return this.#ended(
      nothingDelivered({ clientStatus, upstreamStatus: status, cause: name, providerRequestId }),
      told,
    );
  }

  /** The client left between two attempts. */
  #left(): Attempted {
    const { status, providerRequestId } = this.#last?.failure ?? { status: 0, providerRequestId: '' };
    return this.#ended(clientGone({ status, providerRequestId }));
  }

  #hasLeft(): boolean {
    return this.#last !== undefined && this.#request.clientGone.aborted;
  }

  /** By a fault of the gateway's own. */
  #failed(error: unknown): Attempted {
    const clientStatus = statusOf(this.#request, error);
    return this.#ended(nothingDelivered({ clientStatus, upstreamStatus: 0, cause: 'internal' }), error);
  }

  #ended(outcome: AttemptOutcome, failure?: unknown): Attempted {
    if (this.#opened === undefined) throw new Error('a request that was not written down has an outcome');
    return { opened: this.#opened, outcome, attempts: this.#attempts, failure };
  }
}

function routeOf({ keyId, endpointName, proxy }: Lease): Route {
  return { keyId, endpoint: endpointName, proxyId: proxy?.id ?? '' };
}

function statusOf({ dialect }: PreparedRequest, failure: unknown): number {
  return gatewayErrors[dialect][failure instanceof GatewayFailure ? failure.kind : 'internal'].status;
}
