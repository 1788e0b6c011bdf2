import Anthropic from '@anthropic-ai/sdk';
import {
  startOtlpSink,
  AMPLE_LIMITS,
  startStack,
  createFakeAdmin,
  testMongoUrl,
  testNatsUrl,
  type FakeAdmin,
  type OtlpSink,
  type SinkSpan,
  type Stack,
} from '@omg/testkit';
import { MongoClient, type Db } from 'mongodb';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

const MODEL = 'claude-haiku-4-5-20251001';
const QUESTION = [{ role: 'user' as const, content: 'how does a gateway count?' }];

const resources = new AsyncDisposableStack();
let stack: Stack;
let fake: FakeAdmin;
let sink: OtlpSink;
let ledger: Db;
let broker: Db;

beforeAll(async () => {
  sink = resources.use(await startOtlpSink());
  stack = resources.use(
    await startStack({
      mongodbUrl: testMongoUrl(),
      natsUrl: testNatsUrl(),
      otlpEndpoint: sink.url,
      drainTimeoutMs: 10_000,
      logLevel: 'info',
      env: { 'usage-ledger': AMPLE_LIMITS },
    }),
  );
  fake = createFakeAdmin(stack.addresses.fakeAdminUrl);
  const mongo = new MongoClient(stack.addresses.ledgerMongoUrl, { useBigInt64: true });
  resources.defer(async () => {
    await mongo.close();
  });
  ledger = mongo.db(stack.addresses.ledgerDatabase);
  broker = mongo.db(stack.addresses.brokerDatabase);
});
afterAll(async () => {
  await resources.disposeAsync();
});
beforeEach(async () => {
  await fake.clearFaults();
});

/** What came over the wire, beside what the SDK made of it. */
interface Recorded {
  readonly requestId: string;
  /** Of the body, so far. */
  readonly bytes: () => Buffer;
}

function recordingFetch(): { readonly fetch: typeof fetch; readonly last: () => Recorded } {
  let last: Recorded | undefined;
  return {
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      const chunks: Uint8Array[] = [];
      const requestId = response.headers.get('x-request-id') ?? response.headers.get('request-id') ?? '';
      last = { requestId, bytes: () => Buffer.concat(chunks) };
      // not clone(): whoever cancels one of two copies cancels nothing
      const record = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          chunks.push(chunk);
          controller.enqueue(chunk);
        },
      });
      return new Response(response.body?.pipeThrough(record) ?? null, response);
    },
    last: () => {
      if (last === undefined) throw new Error('nothing was fetched');
      return last;
    },
  };
}

function openai(recording = recordingFetch()): { readonly client: OpenAI; readonly last: () => Recorded } {
  const baseURL = `${stack.addresses.ohmygptUrls[0] ?? ''}/v1`;
  return {
    client: new OpenAI({ baseURL, apiKey: stack.secrets.clientKey, maxRetries: 0, fetch: recording.fetch }),
    last: recording.last,
  };
}

function anthropic(recording = recordingFetch()): { readonly client: Anthropic; readonly last: () => Recorded } {
  const baseURL = stack.addresses.openhandsUrls[0] ?? '';
  return {
    client: new Anthropic({ baseURL, apiKey: stack.secrets.clientKey, maxRetries: 0, fetch: recording.fetch }),
    last: recording.last,
  };
}

/** A document of request_logs, as far as a test goes into it; the rest is compared as it is. */
interface RequestLog {
  readonly _id: string;
  readonly factoryKeyId: string;
  readonly firstTokenMs?: number;
  readonly latencyMs: number;
  readonly outputTokens: number;
  readonly attempts: readonly { readonly providerRequestId: string }[];
}

/** The entry in the books, as soon as it is there. */
async function logOf(requestId: string): Promise<RequestLog> {
  const logs = ledger.collection<RequestLog>('request_logs');
  return await vi.waitUntil(async () => await logs.findOne({ _id: requestId }), { timeout: 10_000, interval: 20 });
}

function providerRequestIdOf({ attempts }: RequestLog): string {
  return attempts.at(-1)?.providerRequestId ?? '';
}

async function upstreamBytesOf(log: RequestLog): Promise<Buffer> {
  return await fake.body(providerRequestIdOf(log));
}

describe('the official SDKs are served, their bytes are the upstream’s, and the books have the numbers', () => {
  test('openai, not streaming', async () => {
    await fake.setFault({ answer: { tokens: { input: 1_000, cacheRead: 400, output: 12 } } });
    const { client, last } = openai();
    const answer = await client.chat.completions.create({ model: 'claude-haiku-4-5', messages: QUESTION });
    expect(answer.usage?.completion_tokens).toBe(12);
    const log = await logOf(last().requestId);
    expect(last().bytes()).toEqual(await upstreamBytesOf(log));
    expect(log).toMatchObject({
      userId: 'Demo',
      userKeyId: 'demo-key',
      model: MODEL,
      site: 'ohmygpt',
      provider: 'ohmygpt',
      inputTokens: 1_000,
      outputTokens: 12,
      cacheHitTokens: 400,
      cacheWriteTokens: 0,
      tokensUsed: 1_012,
      // 1,000 at 1 USD, 12 at 5 USD, 400 at 0.1 USD per million
      costNanoUsd: 1_100_000n,
      creditsCost: 0.0011,
      statusCode: 200,
      isSuccess: true,
      stream: false,
      usageSource: 'provider',
      finishReason: 'stop',
    });
    expect(log.factoryKeyId).toMatch(/^env-[123]$/);
    expect(log.latencyMs).toBeGreaterThanOrEqual(0);
  });

  test('openai, streaming with the usage that the client asked for', async () => {
    await fake.setFault({ answer: { tokens: { input: 7, output: 30 }, chunks: 'one' } });
    const { client, last } = openai();
    const stream = await client.chat.completions.create({
      model: MODEL,
      messages: QUESTION,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(30);
    const log = await logOf(last().requestId);
    expect(last().bytes()).toEqual(await upstreamBytesOf(log));
    expect(log).toMatchObject({
      inputTokens: 7,
      outputTokens: 30,
      stream: true,
      isSuccess: true,
      usageSource: 'provider',
      costNanoUsd: 157_000n,
    });
    expect(log.firstTokenMs).toBeLessThanOrEqual(log.latencyMs);
  });

  test('openai, streaming: usage that the client did not ask for is counted, and nothing of it is seen', async () => {
    await fake.setFault({ answer: { tokens: { input: 7, output: 30 } } });
    const { client, last } = openai();
    const stream = await client.chat.completions.create({ model: MODEL, messages: QUESTION, stream: true });
    const chunks = await Array.fromAsync(stream);
    expect(chunks.every(({ usage, choices }) => usage == null && choices.length > 0)).toBe(true);
    const log = await logOf(last().requestId);
    expect(log).toMatchObject({ inputTokens: 7, outputTokens: 30, usageSource: 'provider' });
    const upstream = (await upstreamBytesOf(log)).toString('utf8');
    const withoutUsage = upstream.replace(/data: \{[^\n]*"choices":\[\][^\n]*\}\n\n/, '');
    expect(withoutUsage.length).toBeLessThan(upstream.length);
    expect(last().bytes().toString('utf8')).toBe(withoutUsage);
  });

  test('anthropic, not streaming', async () => {
    await fake.setFault({
      answer: { tokens: { input: 3, cacheWrite5m: 20, cacheWrite1h: 5, cacheRead: 100, output: 9 } },
    });
    const { client, last } = anthropic();
    const answer = await client.messages.create({ model: 'claude-haiku-4-5', max_tokens: 100, messages: QUESTION });
    expect(answer.usage.output_tokens).toBe(9);
    const log = await logOf(last().requestId);
    expect(last().bytes()).toEqual(await upstreamBytesOf(log));
    expect(log).toMatchObject({
      site: 'openhands',
      dialect: 'anthropic',
      inputTokens: 3,
      cacheWriteTokens: 25,
      cacheWrite1hTokens: 5,
      cacheHitTokens: 100,
      outputTokens: 9,
      // 3 at 1, 20 at 1.25, 5 at 2, 100 at 0.1, 9 at 5 USD per million
      costNanoUsd: 93_000n,
    });
  });

  test('anthropic, streaming', async () => {
    await fake.setFault({
      answer: { tokens: { input: 3, output: 40 }, lineEnd: 'crlf', chunks: { randomSeed: 7, maxBytes: 40 } },
    });
    const { client, last } = anthropic();
    const message = await client.messages.stream({ model: MODEL, max_tokens: 100, messages: QUESTION }).finalMessage();
    expect(message.usage.output_tokens).toBe(40);
    const log = await logOf(last().requestId);
    expect(last().bytes()).toEqual(await upstreamBytesOf(log));
    expect(log).toMatchObject({ inputTokens: 3, outputTokens: 40, isSuccess: true, finishReason: 'end_turn' });
  });
});

describe('what goes up', () => {
  test('is the client’s body but for the model’s name, and no credential of the client’s', async () => {
    const { client, last } = openai();
    await client.chat.completions.create({ model: 'claude-haiku-4-5', messages: QUESTION, temperature: 0.5 });
    const providerRequestId = providerRequestIdOf(await logOf(last().requestId));
    const book = await fake.waitForBook(({ requestId }) => requestId === providerRequestId);
    const sent = (await fake.requestBody(book.id)).toString('utf8');
    expect(JSON.parse(sent)).toEqual({ model: MODEL, messages: QUESTION, temperature: 0.5 });
    expect(book.key).toMatch(/^fake-ohmygpt-key-\d$/);
    expect(JSON.stringify(book.requestHeaders)).not.toContain(stack.secrets.clientKey);
  });
});

describe('failures', () => {
  test('a stream that the upstream cuts raises in the SDKs, and is in the books as what it was', async () => {
    await fake.setFault({ fault: { kind: 'cut', after: { tokens: 5 }, how: 'end' } });
    const first = openai();
    await expect(
      Array.fromAsync(await first.client.chat.completions.create({ model: MODEL, messages: QUESTION, stream: true })),
    ).rejects.toThrow(/incomplete/);
    expect(await logOf(first.last().requestId)).toMatchObject({
      statusCode: 200,
      isSuccess: false,
      abortReason: 'truncated',
      outputTokens: 5,
    });
    const second = anthropic();
    await expect(
      second.client.messages.stream({ model: MODEL, max_tokens: 50, messages: QUESTION }).finalMessage(),
    ).rejects.toThrow(/incomplete/);
    expect(await logOf(second.last().requestId)).toMatchObject({
      statusCode: 200,
      isSuccess: false,
      inputTokens: 25,
      outputTokens: 5,
    });
  });

  test('an upstream key that is refused is nothing the client learns of', async () => {
    await fake.setFault({ fault: 401 });
    const { client, last } = openai();
    await expect(client.chat.completions.create({ model: MODEL, messages: QUESTION })).rejects.toMatchObject({
      status: 503,
    });
    const text = last().bytes().toString('utf8');
    expect(text).not.toMatch(/fake-ohmygpt|127\.0\.0\.1|key-[123]/);
    expect(await logOf(last().requestId)).toMatchObject({
      statusCode: 503,
      isSuccess: false,
      costNanoUsd: 0n,
      usageSource: 'none',
    });
    // each key was refused and is exhausted: an operator who knows better writes that into the database
    await fake.clearFaults();
    await broker.collection('ohmygpt_keys').updateMany({}, { $set: { status: 'healthy', cooldownUntil: null } });
    await vi.waitFor(async () => await client.chat.completions.create({ model: MODEL, messages: QUESTION }), {
      timeout: 5_000,
      interval: 100,
    });
  });

  test('a client that leaves ends the upstream’s work, and what was delivered is in the books', async () => {
    await fake.setFault({ answer: { tokens: { output: 1_000 }, paceMs: 20 } });
    const { client, last } = anthropic();
    const stream = await client.messages.create({ model: MODEL, max_tokens: 2_000, messages: QUESTION, stream: true });
    const events = stream[Symbol.asyncIterator]();
    for (let read = 0; read < 6; read += 1) await events.next();
    stream.controller.abort();
    const log = await logOf(last().requestId);
    expect(log).toMatchObject({
      statusCode: 499,
      isSuccess: false,
      abortReason: 'client_gone',
      usageSource: 'counted',
      inputTokens: 25,
    });
    const providerRequestId = providerRequestIdOf(log);
    const book = await fake.waitForBook(
      ({ requestId, closedAtMs }) => requestId === providerRequestId && closedAtMs !== null,
    );
    expect(book.complete).toBe(false);
    expect(log.outputTokens).toBeGreaterThan(0);
    expect(log.outputTokens).toBeLessThanOrEqual(book.delivered.output);
  });

  test('a wrong key, an unknown model and an unreadable body are refused in the dialect', async () => {
    const baseURL = stack.addresses.openhandsUrls[0] ?? '';
    await expect(
      new Anthropic({ baseURL, apiKey: 'sk-omg-nonsense', maxRetries: 0 }).messages.create({
        model: MODEL,
        max_tokens: 1,
        messages: QUESTION,
      }),
    ).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
    await expect(openai().client.chat.completions.create({ model: 'gpt-0', messages: QUESTION })).rejects.toMatchObject(
      { status: 404, code: 'model_not_found' },
    );
    const response = await fetch(`${baseURL}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': stack.secrets.clientKey },
      body: '{"model": ',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
    const malformed = await fetch(`${baseURL}/v1/messages/%zz`, { method: 'POST' });
    expect(malformed.headers.get('request-id')).not.toBeNull();
    expect(await malformed.json()).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
  });
});

describe('processes', () => {
  test('usage-ledger killed for ten seconds under traffic loses nothing', async () => {
    const logs = ledger.collection('request_logs');
    const [logged, booked] = [await logs.countDocuments(), (await fake.stats()).requests];
    const { client } = openai();
    const stop = new AbortController();
    let answered = 0;
    const workers = Array.from({ length: 6 }, async () => {
      while (!stop.signal.aborted) {
        // what may be spent on trust is a dollar at most, should the ledger be away for longer than slices last
        await client.chat.completions.create({ model: MODEL, messages: QUESTION, max_tokens: 100 });
        answered += 1;
      }
    });
    await vi.waitUntil(() => answered > 20, { timeout: 10_000 });
    await stack.kill('usage-ledger', 'SIGKILL');
    const killedMs = performance.now();
    const answeredThen = answered;
    await vi.waitUntil(() => performance.now() - killedMs > 10_000, { timeout: 12_000, interval: 100 });
    expect(answered).toBeGreaterThan(answeredThen + 20);
    await stack.restart('usage-ledger');
    stop.abort();
    await Promise.all(workers);
    await expect
      .poll(async () => (await logs.countDocuments()) - logged, { timeout: 20_000, interval: 100 })
      .toBe(answered);
    expect((await fake.stats()).requests - booked).toBe(answered);
    await expectBooksToAgree();
  });

  test('a router that is told to stop lets its streams come to their end', async () => {
    await fake.setFault({ answer: { tokens: { output: 40 }, paceMs: 50 } });
    const { client, last } = openai();
    const stream = await client.chat.completions.create({ model: MODEL, messages: QUESTION, stream: true });
    const reading = Array.fromAsync(stream);
    await stack.stop('router-ohmygpt-1');
    expect((await reading).at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(stack.logs('router-ohmygpt-1').some((line) => line.includes('"msg":"stopped"'))).toBe(true);
    // it waited for the ledger, too: nothing is left for the next one
    const log = await ledger.collection<RequestLog>('request_logs').findOne({ _id: last().requestId });
    expect(log).toMatchObject({ isSuccess: true, outputTokens: 40 });
    await stack.restart('router-ohmygpt-1');
  });

  test('a router that is killed has every request in the books after its restart, those that ran with what they had delivered', async () => {
    await fake.clearBooks();
    await fake.setFault({ answer: { tokens: { output: 500 }, paceMs: 50 } });
    const clients = Array.from({ length: 10 }, () => openai());
    const streams = await Promise.all(
      clients.map(
        async ({ client }) => await client.chat.completions.create({ model: MODEL, messages: QUESTION, stream: true }),
      ),
    );
    const broken = streams.map(
      async (stream) =>
        await Array.fromAsync(stream).then(
          () => 'whole',
          () => 'broken',
        ),
    );
    // beyond the first second, so that the journal has more of each than its beginning
    await expect
      .poll(async () => (await fake.books()).filter(({ delivered }) => delivered.output > 30).length, {
        timeout: 10_000,
      })
      .toBe(10);
    await stack.kill('router-ohmygpt-1', 'SIGKILL');
    expect(new Set(await Promise.all(broken))).toEqual(new Set(['broken']));
    await stack.restart('router-ohmygpt-1');
    const delivered = Math.max(...(await fake.books()).map((book) => book.delivered.output));
    for (const { last } of clients) {
      const log = await logOf(last().requestId);
      expect(log).toMatchObject({ isSuccess: false, abortReason: 'router_lost', usageSource: 'estimated' });
      expect(log.outputTokens).toBeGreaterThan(10);
      expect(log.outputTokens).toBeLessThanOrEqual(delivered);
    }
    await expectBooksToAgree();
  });
});

test('a request is one trace, from the router across NATS to the ledger', async () => {
  const { client, last } = openai();
  await client.chat.completions.create({ model: MODEL, messages: QUESTION });
  const { requestId } = last();
  const ofRequest = (spans: readonly SinkSpan[]): boolean =>
    spans.some(({ attributes }) => attributes['omg.request_id'] === requestId);
  const spans = await sink.waitForTrace(
    (trace) =>
      ofRequest(trace) &&
      trace.some(({ service, kind }) => service === 'router' && kind === 'server') &&
      trace.some(({ name }) => name === 'charge'),
    {
      timeoutMs: 15_000,
    },
  );
  const root = spans.find(({ service, kind }) => service === 'router' && kind === 'server');
  expect(root?.parentSpanId).toBeUndefined();
  expect(spans.find(({ service, name }) => service === 'usage-ledger' && name === 'charge')?.parentSpanId).toBe(
    root?.spanId,
  );
});

test('every service answers on an operations listener of its own', async () => {
  for (const name of ['router-openhands-1', 'router-ohmygpt-1', 'key-broker', 'usage-ledger']) {
    const ops = stack.addresses.opsUrls[name] ?? '';
    const [metrics, health, ready, version] = await Promise.all(
      ['/metrics', '/healthz', '/readyz', '/version'].map(async (path) => await fetch(ops + path)),
    );
    expect([metrics?.status, health?.status, ready?.status]).toEqual([200, 200, 200]);
    expect(await metrics?.text()).toMatch(/^omg_build_info\{.*\} 1$/m);
    expect(await version?.json()).toMatchObject({ version: '0.1.0' });
  }
});

test('no key is in any log', () => {
  const lines = stack.names.flatMap((name) => stack.logs(name));
  expect(lines.length).toBeGreaterThan(50);
  expect(
    lines.filter((line) => line.includes(stack.secrets.clientKey) || /fake-(ohmygpt|openhands)-key/.test(line)),
  ).toEqual([]);
});

/** What accounts have spent, what was entered and what the requests cost are one number, to the unit. */
async function expectBooksToAgree(): Promise<void> {
  const sum = async (collection: string, field: string): Promise<unknown> => {
    const [row] = await ledger
      .collection(collection)
      .aggregate([{ $group: { _id: null, sum: { $sum: `$${field}` } } }])
      .toArray();
    return row?.['sum'];
  };
  const spent = await sum('tenants', 'spentNanoUsd');
  expect(spent).toBe(await sum('entries', 'nanoUsd'));
  expect(spent).toBe(await sum('request_logs', 'costNanoUsd'));
}
