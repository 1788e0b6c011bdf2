import { affinityHash } from '@omg/affinity';
import type { Dialect } from '@omg/llm-wire';
import type { Price } from '@omg/pricing';
import { startFakeUpstream, type FakeUpstream } from '@omg/testkit';
import type { Allowance, AllowanceRefusal, Allowances, AllowanceUse, AllowanceWish } from '../src/app/allowances.ts';
import type { AttemptOutcome } from '../src/app/attempt-outcome.ts';
import type { Authentication } from '../src/app/authenticate.ts';
import { makeCountTokens } from '../src/app/count-tokens.ts';
import { limitProxies } from '../src/app/limit-proxies.ts';
import { makeListModels } from '../src/app/list-models.ts';
import { makePrepareRequest } from '../src/app/prepare-request.ts';
import type { Clock, OpenedRequest, Outbox, Progress, SettledRequest } from '../src/app/ports.ts';
import type { Refusal } from '../src/app/refusal-counts.ts';
import { makeRelayRequest } from '../src/app/relay-request.ts';
import { UndiciUpstream } from '../src/clients/undici-upstream.ts';
import { UNRESTRICTED } from '../src/domain/key-terms.ts';
import { UsageLearner } from '../src/domain/usage-learner.ts';
import { RETRY_DEFAULTS, type RetryPolicy } from '../src/domain/retry-policy.ts';
import type { Deadlines, Site } from '../src/domain/site.ts';
import { buildApp } from '../src/http/build-app.ts';
import { OpenStreams } from '../src/http/open-streams.ts';
import { ScriptedBroker } from './scripted-broker.ts';

export const MODEL = 'claude-haiku-4-5-20251001';

/** Everything that it is told, in order. */
class RecordingOutbox implements Outbox {
  readonly requests: OpenedRequest[] = [];
  readonly notes: ({ readonly requestId: string } & Progress)[] = [];
  readonly records: SettledRequest[] = [];
  /** Set: nothing can be written down. */
  fault: Error | undefined;

  opened(request: OpenedRequest): void {
    if (this.fault !== undefined) throw this.fault;
    this.requests.push(request);
  }

  progress(requestId: string, progress: Progress): void {
    this.notes.push({ requestId, ...progress, failed: [...progress.failed] });
  }

  settled(request: SettledRequest): number {
    this.records.push(request);
    return this.records.length;
  }
}

/** A dollar for a million tokens of any kind. */
const PRICE: Price = {
  rates: {
    input: 1_000_000_000n,
    output: 1_000_000_000n,
    cacheWrite5m: 1_000_000_000n,
    cacheWrite1h: 1_000_000_000n,
    cacheRead: 1_000_000_000n,
  },
  tiers: [],
  multiplierNano: 1_000_000_000n,
};

/** Grants whatever is asked, or refuses it; and remembers what became of it. */
class OpenHandedAllowances implements Allowances {
  readonly wishes: AllowanceWish[] = [];
  readonly settlements: AllowanceUse[] = [];
  refusal: AllowanceRefusal | undefined;
  /** Set: what is asked waits for it. */
  wait: Promise<unknown> | undefined;
  standing: Allowance['standing'] = [];

  async acquire(wish: AllowanceWish): Promise<Allowance | AllowanceRefusal> {
    this.wishes.push(wish);
    await this.wait;
    const granted = {
      opened: this.wishes.length,
      tokens: wish.tokens,
      money: [],
      offline: false,
      standing: this.standing,
    };
    return await Promise.resolve(this.refusal ?? granted);
  }

  settle(_allowance: Allowance, use: AllowanceUse): void {
    this.settlements.push(use);
  }
}

export interface RelayBench extends AsyncDisposable {
  readonly url: string;
  readonly openStreams: OpenStreams;
  /** How many clients are connected. */
  readonly connections: () => Promise<number>;
  /** Of each count, the status that its client saw. */
  readonly counted: number[];
  /** What each request that was forwarded came to. */
  readonly outcomes: AttemptOutcome[];
  readonly fake: FakeUpstream;
  readonly broker: ScriptedBroker;
  readonly outbox: RecordingOutbox;
  readonly allowances: OpenHandedAllowances;
  readonly faults: unknown[];
  readonly refused: Refusal[];
  /** The listener and all connections to the upstream; the fake stays, to be asked what became of them. */
  readonly stopRouter: () => Promise<void>;
  readonly ask: (
    dialect: Dialect,
    options?: {
      readonly stream?: boolean;
      readonly signal?: AbortSignal;
      readonly body?: object;
      readonly headers?: Record<string, string>;
    },
  ) => Promise<Response>;
}

export interface RelayBenchOptions {
  readonly retry?: Partial<RetryPolicy>;
  readonly deadlines?: Partial<Deadlines>;
  readonly site?: Partial<Site>;
  /** Who asks, whatever the key. */
  readonly authenticate?: (key: string | undefined, address: string) => Promise<Authentication>;
  readonly trustedProxies?: readonly string[];
}

const PATHS: Readonly<Record<Dialect, string>> = { openai: '/v1/chat/completions', anthropic: '/v1/messages' };

/** A router's relay behind a listener, between a real client and the fake upstream; the broker follows a script. */
export async function startRelayBench(options: RelayBenchOptions = {}): Promise<RelayBench> {
  await using stack = new AsyncDisposableStack();
  const fake = stack.use(await startFakeUpstream());
  const router = stack.use(new AsyncDisposableStack());
  const broker = new ScriptedBroker(fake.url);
  const outbox = new RecordingOutbox();
  const faults: unknown[] = [];
  const learner = new UsageLearner();
  const refused: Refusal[] = [];
  const clock: Clock = { now: () => new Date(), monotonicMs: () => performance.now() };
  const site: Site = {
    name: 'site',
    provider: 'fake',
    port: 1,
    maxOpenStreams: 100,
    heartbeatMs: 5_000,
    userAgent: undefined,
    addHeaders: {},
    proxies: 'allowed',
    corsOrigins: [],
    onClientGone: { policy: 'cancel', maxMs: 1_000, maxBytes: 1_000_000 },
    retry: { ...RETRY_DEFAULTS, backoffMs: 20, ...options.retry },
    models: [{ id: MODEL, aliases: [], upstream: MODEL }],
    maxBodyBytes: 1_000_000,
    deadlines: {
      connectMs: 1_000,
      headersMs: 5_000,
      headersNotStreamingMs: 5_000,
      firstTokenMs: 5_000,
      idleMs: 5_000,
      totalMs: 10_000,
      totalNotStreamingMs: 10_000,
      ...options.deadlines,
    },
    ...options.site,
  };
  const account = { tenantId: 't', tenantName: 'T', clientKeyId: 'k', keyTerms: UNRESTRICTED, quotas: [] };
  const allowances = new OpenHandedAllowances();
  const authenticate = options.authenticate ?? (async () => await Promise.resolve({ account }));
  const forwarding = {
    site: () => site,
    prepare: makePrepareRequest({
      site: () => site,
      authenticate,
      affinityHash,
      prices: { priceOf: () => ({ version: 'v1', price: PRICE }) },
      usualOf: () => learner.usual,
      onUnpriced: () => undefined,
    }),
    allowances,
    broker: limitProxies(broker, () => site.proxies),
    upstream: router.use(new UndiciUpstream({ connectTimeoutMs: () => site.deadlines.connectMs })),
    clock,
  };
  const counted: number[] = [];
  const outcomes: AttemptOutcome[] = [];
  const openStreams = new OpenStreams();
  const app = buildApp({
    relay: makeRelayRequest({
      ...forwarding,
      outbox,
      learn: (_model, used) => {
        learner.learn(used);
      },
      traceParent: () => '',
      onSettled: (_request, outcome) => outcomes.push(outcome),
      retry: () => site.retry,
    }),
    countTokens: makeCountTokens({ ...forwarding, onCounted: ({ clientStatus }) => counted.push(clientStatus) }),
    listModels: makeListModels({ site: () => site, authenticate }),
    authenticate,
    site: () => site,
    trustedProxies: options.trustedProxies ?? [],
    openStreams,
    clock,
    onFault: (error) => faults.push(error),
    onRefused: (refusal) => refused.push(refusal),
    ownAccount: async () => await Promise.reject(new Error('there are no accounts here')),
  });
  router.defer(async () => {
    await app.close();
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const resources = stack.move();
  return {
    url,
    openStreams,
    connections: async () => {
      const { promise, resolve } = Promise.withResolvers<number>();
      app.server.getConnections((_, count) => {
        resolve(count);
      });
      return await promise;
    },
    counted,
    outcomes,
    fake,
    broker,
    outbox,
    allowances,
    faults,
    refused,
    stopRouter: async () => {
      await router.disposeAsync();
    },
    ask: async (dialect, { stream = false, signal, body = {}, headers = {} } = {}) =>
      await fetch(url + PATHS[dialect], {
        method: 'POST',
        headers: { authorization: 'Bearer anything', 'content-type': 'application/json', ...headers },
        body: JSON.stringify({
          model: MODEL,
          max_tokens: 50,
          messages: [{ role: 'user', content: 'how does a gateway try again?' }],
          ...(stream ? { stream, ...(dialect === 'openai' ? { stream_options: { include_usage: true } } : {}) } : {}),
          ...body,
        }),
        ...(signal === undefined ? {} : { signal }),
      }),
    [Symbol.asyncDispose]: async () => {
      await resources.disposeAsync();
    },
  };
}
