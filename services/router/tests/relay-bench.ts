import { affinityHash } from '@omg/affinity';
import type { Dialect } from '@omg/llm-wire';
import { startFakeUpstream, type FakeUpstream } from '@omg/testkit';
import { makePrepareRequest } from '../src/app/prepare-request.ts';
import type { Clock, OpenedRequest, Outbox, SettledRequest, Tokens } from '../src/app/ports.ts';
import type { Refusal } from '../src/app/refusal-counts.ts';
import { makeRelayRequest } from '../src/app/relay-request.ts';
import { UndiciUpstream } from '../src/clients/undici-upstream.ts';
import { RETRY_DEFAULTS, type RetryPolicy } from '../src/domain/retry-policy.ts';
import type { Deadlines, Site } from '../src/domain/site.ts';
import { buildApp } from '../src/http/build-app.ts';
import { ScriptedBroker } from './scripted-broker.ts';

export const MODEL = 'claude-haiku-4-5-20251001';

/** Everything that it is told, in order. */
class RecordingOutbox implements Outbox {
  readonly requests: OpenedRequest[] = [];
  readonly notes: { readonly requestId: string; readonly tokens: Tokens; readonly keyId: string }[] = [];
  readonly records: SettledRequest[] = [];
  /** Set: nothing can be written down. */
  fault: Error | undefined;

  opened(request: OpenedRequest): void {
    if (this.fault !== undefined) throw this.fault;
    this.requests.push(request);
  }

  progress(requestId: string, tokens: Tokens, keyId: string): void {
    this.notes.push({ requestId, tokens, keyId });
  }

  settled(request: SettledRequest): void {
    this.records.push(request);
  }
}

export interface RelayBench extends AsyncDisposable {
  readonly fake: FakeUpstream;
  readonly broker: ScriptedBroker;
  readonly outbox: RecordingOutbox;
  readonly faults: unknown[];
  readonly refused: Refusal[];
  readonly url: string;
  readonly ask: (
    dialect: Dialect,
    options?: { readonly stream?: boolean; readonly signal?: AbortSignal; readonly body?: object },
  ) => Promise<Response>;
}

export interface RelayBenchOptions {
  readonly retry?: Partial<RetryPolicy>;
  readonly deadlines?: Partial<Deadlines>;
}

const PATHS: Readonly<Record<Dialect, string>> = { openai: '/v1/chat/completions', anthropic: '/v1/messages' };

/** A router's relay behind a listener, between a real client and the fake upstream; the broker follows a script. */
export async function startRelayBench(options: RelayBenchOptions = {}): Promise<RelayBench> {
  await using stack = new AsyncDisposableStack();
  const fake = stack.use(await startFakeUpstream());
  const broker = new ScriptedBroker(fake.url);
  const outbox = new RecordingOutbox();
  const faults: unknown[] = [];
  const refused: Refusal[] = [];
  const clock: Clock = { now: () => new Date(), monotonicMs: () => performance.now() };
  const site: Site = {
    name: 'site',
    provider: 'fake',
    models: [{ id: MODEL, aliases: [], upstream: MODEL }],
    maxBodyBytes: 1_000_000,
    deadlines: {
      connectMs: 1_000,
      headersMs: 5_000,
      headersNotStreamingMs: 5_000,
      idleMs: 5_000,
      totalMs: 10_000,
      totalNotStreamingMs: 10_000,
      ...options.deadlines,
    },
  };
  const account = { tenantId: 't', tenantName: 'T', clientKeyId: 'k' };
  const relay = makeRelayRequest({
    site: () => site,
    prepare: makePrepareRequest({
      site: () => site,
      authenticate: async () => await Promise.resolve({ account }),
      affinityHash,
    }),
    broker,
    upstream: stack.use(new UndiciUpstream({ connectTimeoutMs: site.deadlines.connectMs })),
    outbox,
    clock,
    traceParent: () => '',
    onSettled: () => undefined,
    retry: () => ({ ...RETRY_DEFAULTS, backoffMs: 20, ...options.retry }),
  });
  const app = buildApp({
    relay,
    clock,
    maxBodyBytes: site.maxBodyBytes,
    onFault: (error) => faults.push(error),
    onRefused: (refusal) => refused.push(refusal),
    site: () => site,
    ownAccount: async () => await Promise.reject(new Error('there are no accounts here')),
  });
  stack.defer(async () => {
    await app.close();
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const resources = stack.move();
  return {
    fake,
    broker,
    outbox,
    faults,
    refused,
    url,
    ask: async (dialect, { stream = false, signal, body = {} } = {}) =>
      await fetch(url + PATHS[dialect], {
        method: 'POST',
        headers: { authorization: 'Bearer anything', 'content-type': 'application/json' },
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
