import { OmgError } from '@omg/errors';
import type { Dialect } from '@omg/llm-wire';
import { startFakeProxy, type FakeProxy, type FakeUpstream } from '@omg/testkit';
import { describe, expect, test, vi } from 'vitest';
import { UNRESTRICTED } from '../src/domain/key-terms.ts';
import type { SettledRequest } from '../src/app/ports.ts';
import { readUntilBroken } from './read-until-broken.ts';
import { MODEL, startRelayBench, type RelayBench } from './relay-bench.ts';
import type { ScriptedBroker } from './scripted-broker.ts';

const BOTH: readonly Dialect[] = ['openai', 'anthropic'];
const EVERY_WAY = BOTH.flatMap((dialect) => [
  { dialect, stream: false },
  { dialect, stream: true },
]);
/** Of the wire table: a key that is missing, and money or access that is the operator's own matter. */
const NO_KEY: Readonly<Record<Dialect, number>> = { openai: 503, anthropic: 529 };

const keys = (...keyIds: string[]): ScriptedBroker['keys'] =>
  keyIds.map((keyId) => ({ keyId, endpointName: 'primary' }));
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());
const askedKeys = (fake: FakeUpstream): string[] =>
  fake.books().map(({ key }) => (key ?? '').replace('secret-of-', ''));

/** The request in the books, which every lease has come back before. */
async function settled({ outbox, broker, faults }: RelayBench): Promise<SettledRequest> {
  await vi.waitUntil(() => outbox.records.length > 0, { timeout: 5_000, interval: 5 });
  expect(outbox.records).toHaveLength(1);
  expect(outbox.requests).toHaveLength(1);
  expect(broker.granted.map(({ released }) => released.length)).toEqual(broker.granted.map(() => 1));
  expect(faults).toEqual([]);
  const [record] = outbox.records;
  if (record === undefined) throw new Error('nothing was settled');
  return record;
}

const causesOf = ({ attempts }: SettledRequest): string[] => attempts.map(({ cause }) => cause);

describe('on another key', () => {
  test.each(EVERY_WAY)('a key that is refused is not seen: $dialect, stream $stream', async ({ dialect, stream }) => {
    await using bench = await startRelayBench();
    const { fake, broker, ask } = bench;
    broker.keys = keys('a', 'b');
    fake.setFault({ match: { key: 'secret-of-a' }, fault: 401 });
    const response = await ask(dialect, { stream });
    expect(response.status).toBe(200);
    expect(await bytesOf(response)).toEqual(fake.body('last'));
    expect(askedKeys(fake)).toEqual(['a', 'b']);
    expect(broker.causes).toEqual(['auth', 'success']);
    expect(broker.granted[0]?.verdicts[0]).toMatchObject({ status: 401, model: MODEL });
    expect(JSON.stringify(broker.granted[0]?.verdicts)).not.toContain('secret-of-a');
    expect(broker.wishes.map(({ exclude }) => exclude)).toEqual([[], ['a']]);
    const record = await settled(bench);
    expect(record).toMatchObject({ statusCode: 200, success: true, tokens: { input: 25, output: 20 } });
    const [first, second] = fake.books();
    expect(record.attempts).toMatchObject([
      { keyId: 'a', endpoint: 'primary', proxyId: '', statusCode: 401, cause: 'auth', leaseGeneration: 7n },
      { keyId: 'b', endpoint: 'primary', proxyId: '', statusCode: 200, cause: '', leaseGeneration: 7n },
    ]);
    expect(record.attempts.map(({ providerRequestId }) => providerRequestId)).toEqual([
      first?.requestId,
      second?.requestId,
    ]);
    expect(record.attempts[0]?.durationMs).toBeGreaterThan(0);
    expect(broker.granted.map(({ released }) => released)).toEqual([[0], [45]]);
    // should the router die, its journal has what was tried, and the key that was in use
    expect(bench.outbox.requests[0]?.keyId).toBe('a');
    const failed = [{ keyId: 'a', statusCode: 401, providerRequestId: first?.requestId }];
    expect(bench.outbox.notes.slice(0, 2)).toMatchObject([
      { keyId: '', failed },
      { keyId: 'b', failed, tokens: { output: 0 } },
    ]);
  });

  test.each([
    [429, 'rate_limited'],
    [402, 'quota'],
    ['newapi-banned', 'ban'],
    ['litellm-key-model-access-denied', 'model_denied'],
    ['html-403', 'unattributed_403'],
    [500, 'upstream_error'],
    ['html-502', 'upstream_error'],
    ['reset', 'connection'],
    ['close', 'connection'],
    ['silence', 'timeout'],
  ] as const)('%s is one verdict, %s, and then an answer', async (fault, cause) => {
    await using bench = await startRelayBench({ deadlines: { headersNotStreamingMs: 300 } });
    bench.broker.keys = keys('a', 'b');
    bench.fake.setFault({ match: { key: 'secret-of-a' }, fault });
    expect((await bench.ask('openai')).status).toBe(200);
    expect(bench.broker.causes).toEqual([cause, 'success']);
    expect((await settled(bench)).attempts).toHaveLength(2);
  });

  test('a key that the upstream repeats in its error is not handed on', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a', 'b');
    const body = { error: { message: 'no such key: secret-of-a', type: 'auth_error', code: 'bad_key' } };
    bench.fake.setFault({ fault: { kind: 'status', status: 401, body }, once: true });
    expect((await bench.ask('openai')).status).toBe(200);
    expect(bench.broker.granted[0]?.verdicts).toEqual([
      {
        cause: 'auth',
        status: 401,
        model: MODEL,
        message: 'no such key: [removed]',
        errorWords: ['auth_error', 'bad_key'],
      },
    ]);
  });

  test('an error whose body does not come is known by its status', async () => {
    await using bench = await startRelayBench({ deadlines: { idleMs: 300 } });
    bench.broker.keys = keys('a', 'b');
    const recording = { status: 402, chunks: ['{"error":', { text: '"nobody reads this"}', delayMs: 10_000 }] };
    bench.fake.setFault({ answer: { recording }, once: true });
    expect((await bench.ask('openai', { stream: true })).status).toBe(200);
    expect(bench.broker.causes).toEqual(['quota', 'success']);
    expect((await settled(bench)).attempts[0]).toMatchObject({ statusCode: 402, cause: 'quota' });
  });

  test('the pool is walked, six attempts at most', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a', 'b', 'c', 'd', 'e', 'f', 'g');
    bench.fake.setFault({ fault: 401 });
    const response = await bench.ask('openai');
    expect(response.status).toBe(503);
    expect(await response.text()).not.toMatch(/secret|127\.0\.0\.1|authentication/i);
    expect(askedKeys(bench.fake)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    const record = await settled(bench);
    expect(record).toMatchObject({ statusCode: 503, success: false, usageSource: 'none' });
    expect(causesOf(record)).toEqual(Array.from({ length: 6 }, () => 'auth'));
  });
});

describe('on the same key', () => {
  test('5xx of the only key are tried again after a backoff that doubles, three times in all', async () => {
    await using bench = await startRelayBench({ retry: { backoffMs: 100 } });
    bench.broker.keys = keys('a');
    bench.fake.setFault({ fault: 503 });
    const response = await bench.ask('anthropic');
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'api_error' } });
    const times = bench.fake.books().map(({ startedAtMs }) => startedAtMs);
    expect(times).toHaveLength(3);
    const [first = 0, second = 0, third = 0] = times;
    expect(second - first).toBeGreaterThanOrEqual(49);
    expect(third - second).toBeGreaterThanOrEqual(99);
    const record = await settled(bench);
    expect(record.attempts.map(({ statusCode }) => statusCode)).toEqual([503, 503, 503]);
    expect(bench.broker.causes).toEqual(['upstream_error', 'upstream_error', 'upstream_error']);
  });

  test('a failure that passes is not seen', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a');
    bench.fake.setFault({ fault: 'reset', times: 2 });
    const response = await bench.ask('openai', { stream: true });
    expect(await bytesOf(response)).toEqual(bench.fake.body('last'));
    expect(causesOf(await settled(bench))).toEqual(['reset', 'reset', '']);
  });

  test('Retry-After is kept where it fits', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a');
    bench.fake.setFault({ fault: { kind: 'status', status: 429, retryAfter: 0.6 }, once: true });
    expect((await bench.ask('openai')).status).toBe(200);
    const [first, second] = bench.fake.books();
    expect((second?.startedAtMs ?? 0) - (first?.closedAtMs ?? 0)).toBeGreaterThanOrEqual(590);
    expect(bench.broker.granted[0]?.verdicts[0]).toMatchObject({ cause: 'rate_limited', retryAfterMs: 600 });
    expect(causesOf(await settled(bench))).toEqual(['rate_limited', '']);
  });

  test.each(BOTH)('Retry-After that does not fit the deadline is handed on: %s', async (dialect) => {
    await using bench = await startRelayBench({ deadlines: { totalNotStreamingMs: 2_000 } });
    bench.broker.keys = keys('a');
    bench.fake.setFault({ fault: { kind: 'status', status: 429, retryAfter: 7 } });
    const response = await bench.ask(dialect);
    expect(response.status).toBe(NO_KEY[dialect]);
    expect(response.headers.get('retry-after')).toBe('7');
    expect((await settled(bench)).attempts).toHaveLength(1);
  });

  test('a key whose quota is spent goes on at its backup endpoint', async () => {
    await using bench = await startRelayBench();
    const { broker, fake } = bench;
    broker.keys = keys('a');
    fake.setFault({ match: { path: '/primary/v1/chat/completions' }, fault: 402 });
    broker.onReport = (_lease, { cause }) => {
      if (cause === 'quota') broker.keys = [{ keyId: 'a', endpointName: 'backup' }];
    };
    expect((await bench.ask('openai')).status).toBe(200);
    expect((await settled(bench)).attempts).toMatchObject([
      { keyId: 'a', endpoint: 'primary' },
      { keyId: 'a', endpoint: 'backup' },
    ]);
  });

  test('an upstream that stays silent is a 504 after three attempts', async () => {
    await using bench = await startRelayBench({ deadlines: { headersMs: 200 } });
    bench.broker.keys = keys('a');
    bench.fake.setFault({ fault: 'silence' });
    expect((await bench.ask('anthropic', { stream: true })).status).toBe(504);
    expect(causesOf(await settled(bench))).toEqual(['timeout', 'timeout', 'timeout']);
  });

  test('the whole time of a request bounds its attempts, and is nobody’s fault', async () => {
    await using bench = await startRelayBench({ deadlines: { totalNotStreamingMs: 500 } });
    bench.broker.keys = keys('a', 'b');
    bench.fake.setFault({ fault: 'silence' });
    expect((await bench.ask('openai')).status).toBe(504);
    expect(causesOf(await settled(bench))).toEqual(['deadline']);
    expect(bench.broker.causes).toEqual(['cancelled']);
  });
});

describe('through a proxy', () => {
  const through = (keyId: string, { host, port }: FakeProxy, id: string): ScriptedBroker['keys'][number] => ({
    keyId,
    endpointName: 'primary',
    proxy: { id, type: 'http', host, port },
  });

  test('that fails, the key stays and another proxy leads there', async () => {
    await using bench = await startRelayBench();
    await using dead = await startFakeProxy({ name: 'p1', announceTo: [bench.fake.adminUrl] });
    await using good = await startFakeProxy({ name: 'p2', announceTo: [bench.fake.adminUrl] });
    const { broker, fake } = bench;
    await dead.setState({ mode: 'dead' });
    broker.keys = [through('a', dead, 'p1'), ...keys('b')];
    broker.onReport = (_lease, { cause }) => {
      if (cause === 'proxy_error') broker.keys = [through('a', good, 'p2'), ...keys('b')];
    };
    expect((await bench.ask('openai')).status).toBe(200);
    expect(fake.books().map(({ key, proxy }) => [key, proxy])).toEqual([['secret-of-a', 'p2']]);
    expect(broker.causes).toEqual(['proxy_error', 'success']);
    expect((await settled(bench)).attempts).toMatchObject([
      { keyId: 'a', proxyId: 'p1', statusCode: 0, cause: 'proxy' },
      { keyId: 'a', proxyId: 'p2', statusCode: 200, cause: '' },
    ]);
  });

  test('that fails and is given again, another key is tried at once', async () => {
    await using bench = await startRelayBench({ retry: { backoffMs: 5_000 } });
    await using dead = await startFakeProxy({ name: 'p1' });
    const { broker } = bench;
    await dead.setState({ mode: 'refuse', httpStatus: 407 });
    broker.keys = [through('a', dead, 'p1'), ...keys('b')];
    const askedMs = performance.now();
    expect((await bench.ask('anthropic', { stream: true })).status).toBe(200);
    expect(performance.now() - askedMs).toBeLessThan(2_000);
    expect(broker.causes).toEqual(['proxy_error', undefined, 'success']);
    expect((await settled(bench)).attempts.map(({ keyId }) => keyId)).toEqual(['a', 'b']);
  });

  test('that stays dead, the client learns no more than that it failed', async () => {
    await using bench = await startRelayBench();
    await using dead = await startFakeProxy({ name: 'p1' });
    await dead.setState({ mode: 'dead' });
    bench.broker.keys = [through('a', dead, 'p1')];
    const response = await bench.ask('openai');
    expect(response.status).toBe(502);
    expect(await response.text()).not.toMatch(/proxy|p1|127\.0/i);
    expect(causesOf(await settled(bench))).toEqual(['proxy', 'proxy', 'proxy']);
  });
});

describe('a successor that is on its way', () => {
  test('is waited for', async () => {
    await using bench = await startRelayBench();
    const { broker, fake } = bench;
    broker.keys = keys('a');
    fake.setFault({ match: { key: 'secret-of-a' }, fault: 401 });
    broker.onReport = () => {
      broker.keys = [];
    };
    const asked = bench.ask('openai');
    await vi.waitUntil(() => broker.wishes.length >= 3, { timeout: 5_000, interval: 1 });
    broker.keys = keys('b');
    expect((await asked).status).toBe(200);
    expect((await settled(bench)).attempts.map(({ keyId }) => keyId)).toEqual(['a', 'b']);
  });

  test.each(BOTH)('that never comes leaves the client with no word of 401 or 402: %s', async (dialect) => {
    for (const fault of [401, 402, 'litellm-budget-exceeded-400'] as const) {
      await using bench = await startRelayBench();
      bench.broker.keys = keys('a');
      bench.broker.refusal = { reason: 'none_available', retryAfterMs: 12_000 };
      bench.fake.setFault({ fault });
      const response = await bench.ask(dialect);
      expect(response.status).toBe(NO_KEY[dialect]);
      expect(response.headers.get('retry-after')).toBe('12');
      expect(bench.fake.books()).toHaveLength(1);
      await settled(bench);
    }
  });

  test('a client that leaves while it is waited for is the end of it', async () => {
    await using bench = await startRelayBench({ retry: { backoffMs: 2_000 } });
    bench.broker.keys = keys('a');
    bench.fake.setFault({ fault: 500 });
    const client = new AbortController();
    const asked = bench.ask('openai', { signal: client.signal });
    await vi.waitUntil(() => bench.broker.wishes.length >= 2, { timeout: 5_000, interval: 1 });
    const leftMs = performance.now();
    client.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    const record = await settled(bench);
    expect(performance.now() - leftMs).toBeLessThan(500);
    expect(record).toMatchObject({ statusCode: 499, abortReason: 'client_gone', success: false, usageSource: 'none' });
    expect(causesOf(record)).toEqual(['upstream_error']);
    expect(bench.fake.books()).toHaveLength(1);
  });
});

describe('the head of a stream', () => {
  test.each(BOTH)('an error event at its beginning is tried again unseen: %s', async (dialect) => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a', 'b');
    bench.fake.setFault({
      match: { key: 'secret-of-a' },
      answer: {
        fault: { kind: 'error-event', error: { type: 'overloaded_error', message: 'Overloaded' } },
        chunks: { bytes: 11 },
      },
    });
    const response = await bench.ask(dialect, { stream: true });
    const [broken, clean] = bench.fake.books();
    expect(bench.fake.body(broken?.id ?? 0)?.toString()).toMatch(/Overloaded/);
    expect(await bytesOf(response)).toEqual(bench.fake.body(clean?.id ?? 0));
    expect(bench.broker.causes).toEqual(['upstream_error', 'success']);
    const record = await settled(bench);
    expect(record).toMatchObject({ success: true, tokens: { input: 25, output: 20 }, usageSource: 'provider' });
    expect(record.attempts).toMatchObject([
      { statusCode: 200, cause: 'upstream_error' },
      { statusCode: 200, cause: '' },
    ]);
  });

  test.each(BOTH)('a stream that breaks before its content is tried again unseen: %s', async (dialect) => {
    for (const how of ['rst', 'fin', 'end'] as const) {
      await using bench = await startRelayBench();
      bench.broker.keys = keys('a', 'b');
      bench.fake.setFault({ fault: { kind: 'cut', after: { tokens: 0 }, how }, once: true });
      const response = await bench.ask(dialect, { stream: true });
      expect(await bytesOf(response)).toEqual(bench.fake.body('last'));
      expect(causesOf(await settled(bench))).toEqual([how === 'end' ? 'truncated' : 'reset', '']);
    }
  });

  test('error events to the last are an answer with a status, not a broken stream', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a');
    bench.fake.setFault({ fault: { kind: 'error-event', name: 'anthropic-overloaded' } });
    const response = await bench.ask('anthropic', { stream: true });
    expect(response.status).toBe(502);
    expect(causesOf(await settled(bench))).toEqual(['upstream_error', 'upstream_error', 'upstream_error']);
  });

  test.each(BOTH)('a request that is at fault itself is told so by its status: %s', async (dialect) => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a', 'b');
    const error = { type: 'invalid_request_error', message: 'prompt is too long: 9 tokens > 8 maximum' };
    bench.fake.setFault({ fault: { kind: 'error-event', error } });
    const response = await bench.ask(dialect, { stream: true });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error });
    expect(causesOf(await settled(bench))).toEqual(['request_fault']);
  });

  test('is not held for longer than its time; what comes then is passed on', async () => {
    await using bench = await startRelayBench({ retry: { headHoldMs: 150 } });
    bench.broker.keys = keys('a', 'b');
    const start = 'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1"}}\n\n';
    const end = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';
    const headers = { 'content-type': 'text/event-stream' };
    bench.fake.setFault({ answer: { recording: { headers, chunks: [start, { text: end, delayMs: 1_000 }] } } });
    const askedMs = performance.now();
    const response = await bench.ask('anthropic', { stream: true });
    const begunMs = performance.now() - askedMs;
    expect(begunMs).toBeGreaterThanOrEqual(140);
    expect(begunMs).toBeLessThan(900);
    expect(bench.broker.causes).toEqual(['success']);
    const { text, error } = await readUntilBroken(response);
    expect(text).toBe(bench.fake.body('last')?.toString());
    expect(error).toBeInstanceOf(Error);
    expect(await settled(bench)).toMatchObject({ statusCode: 200, success: false, abortReason: 'error_event' });
    expect(bench.fake.books()).toHaveLength(1);
  });

  test('is not held beyond its size', async () => {
    await using bench = await startRelayBench({ retry: { headHoldBytes: 100 } });
    bench.broker.keys = keys('a');
    bench.fake.setFault({ answer: { firstTokenDelayMs: 1_000 } });
    const askedMs = performance.now();
    const response = await bench.ask('anthropic', { stream: true });
    expect(performance.now() - askedMs).toBeLessThan(900);
    expect(await bytesOf(response)).toEqual(bench.fake.body('last'));
    await settled(bench);
  });
});

describe('after the first byte', () => {
  test.each(BOTH)('a stream that is cut is not tried again, and does not look whole: %s', async (dialect) => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a', 'b');
    bench.fake.setFault({ fault: { kind: 'cut', after: { tokens: 5 }, how: 'rst' } });
    const response = await bench.ask(dialect, { stream: true });
    expect(response.status).toBe(200);
    const { text, error } = await readUntilBroken(response);
    expect(error).toBeInstanceOf(Error);
    expect(text).toMatch(/"error":\{/);
    expect(bench.fake.books()).toHaveLength(1);
    const record = await settled(bench);
    expect(record).toMatchObject({ statusCode: 200, success: false, abortReason: 'reset', tokens: { output: 5 } });
    expect(bench.broker.causes).toEqual(['success']);
    expect(bench.broker.granted[0]?.released[0]).toBeGreaterThanOrEqual(5);
  });

  test('a lease that is taken away ends the stream by an error', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a', 'b');
    bench.fake.setFault({ answer: { tokens: { output: 1_000 }, paceMs: 10 } });
    const response = await bench.ask('openai', { stream: true, body: { max_tokens: 2_000 } });
    bench.broker.granted[0]?.cut.abort();
    const { text, error } = await readUntilBroken(response);
    expect(error).toBeInstanceOf(Error);
    expect(text).toMatch(/"error":\{/);
    expect(await settled(bench)).toMatchObject({ success: false, abortReason: 'lease_cut' });
    expect(bench.fake.books()).toHaveLength(1);
  });

  test.each(BOTH)('a stream that takes longer than a request may is broken off, and says so: %s', async (dialect) => {
    await using bench = await startRelayBench({ deadlines: { totalMs: 500 } });
    bench.broker.keys = keys('a', 'b');
    bench.fake.setFault({ answer: { tokens: { output: 1_000 }, paceMs: 20 } });
    const askedMs = performance.now();
    const response = await bench.ask(dialect, { stream: true, body: { max_tokens: 2_000 } });
    const { text, error } = await readUntilBroken(response);
    expect(performance.now() - askedMs).toBeLessThan(2_000);
    expect(error).toBeInstanceOf(Error);
    expect(text).toContain('incomplete');
    const record = await settled(bench);
    expect(record).toMatchObject({ success: false, abortReason: 'deadline', statusCode: 200 });
    expect(record.tokens.output).toBeGreaterThan(0);
    // that it took so long is nobody's fault
    expect(bench.broker.causes).toEqual(['success']);
  });

  test.each(BOTH)('a stream that falls silent for longer than it may is broken off: %s', async (dialect) => {
    await using bench = await startRelayBench({ deadlines: { idleMs: 300 } });
    bench.broker.keys = keys('a', 'b');
    bench.fake.setFault({ fault: { kind: 'stall', after: { tokens: 4 } } });
    const { text, error } = await readUntilBroken(await bench.ask(dialect, { stream: true }));
    expect(error).toBeInstanceOf(Error);
    expect(text).toContain('incomplete');
    expect(await settled(bench)).toMatchObject({ success: false, abortReason: 'timeout', tokens: { output: 4 } });
  });

  test('a client that reads slowly holds its upstream back, and gets every byte', async () => {
    await using bench = await startRelayBench({ deadlines: { idleMs: 300 } });
    bench.broker.keys = keys('a');
    const event = `event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"${'x'.repeat(60_000)}"}}\n\n`;
    const chunks = [
      ...Array.from({ length: 400 }, () => event),
      'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ];
    bench.fake.setFault({ answer: { recording: { headers: { 'content-type': 'text/event-stream' }, chunks } } });
    const response = await bench.ask('anthropic', { stream: true });
    const reader = response.body?.getReader();
    const first: unknown = (await reader?.read())?.value;
    let sizeBytes = first instanceof Uint8Array ? first.length : 0;
    const sent = (): number => bench.fake.books()[0]?.bytesSent ?? 0;
    // for longer than an upstream may be silent nothing moves: it is not the upstream that is
    let before = -1;
    await vi.waitFor(
      () => {
        const now = sent();
        const still = now === before;
        before = now;
        expect(still).toBe(true);
      },
      { timeout: 5_000, interval: 500 },
    );
    expect(before).toBeLessThan(12_000_000);
    for (;;) {
      const read = await reader?.read();
      if (read === undefined || read.done) break;
      const value: unknown = read.value;
      sizeBytes += value instanceof Uint8Array ? value.length : 0;
    }
    expect(sizeBytes).toBe(chunks.join('').length);
    expect(await settled(bench)).toMatchObject({ success: true, statusCode: 200 });
  });

  test('what the provider calls it is written down before its content begins, and nothing as delivered yet', async () => {
    await using bench = await startRelayBench();
    const { fake, outbox } = bench;
    bench.broker.keys = keys('a');
    const chunks = [
      'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":1}}}\n\n',
      {
        text: 'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"x"}}\n\n',
        delayMs: 600,
      },
      'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":2}}\n\n',
      'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ];
    fake.setFault({ answer: { recording: { headers: { 'content-type': 'text/event-stream' }, chunks } } });
    const asked = bench.ask('anthropic', { stream: true });
    await vi.waitFor(() => {
      expect(outbox.notes).toMatchObject([{ keyId: 'a', tokens: { input: 0, output: 0 } }]);
    });
    expect(outbox.records).toEqual([]);
    expect(outbox.notes[0]?.providerRequestId).toBe(fake.books()[0]?.requestId);
    await (await asked).text();
    expect(await settled(bench)).toMatchObject({ success: true, tokens: { input: 7, output: 2 } });
    expect(outbox.notes[1]).toMatchObject({ tokens: { input: 7 } });
  });

  test.each(BOTH)('an error event that tells of a key is not passed on, however it is split: %s', async (dialect) => {
    for (const chunks of ['event', { bytes: 7 }, { bytes: 1 }] as const) {
      await using bench = await startRelayBench();
      bench.broker.keys = keys('a');
      const error = { type: 'api_error', message: 'no budget is left for secret-of-a' };
      bench.fake.setFault({ answer: { fault: { kind: 'error-event', after: { tokens: 5 }, error }, chunks } });
      const response = await bench.ask(dialect, { stream: true });
      const { text, error: broken } = await readUntilBroken(response);
      expect(broken).toBeInstanceOf(Error);
      expect(text).not.toContain('secret');
      expect(text).toMatch(/"error":\{[^}]*"the upstream broke the answer off/);
      expect(await settled(bench)).toMatchObject({ success: false, abortReason: 'error_event', tokens: { output: 5 } });
    }
  });

  test('what came together with such an event, and before it, is passed on and billed', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a');
    const delta = (text: string): string =>
      `event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"${text}"}}\n\n`;
    const error = 'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"of secret-of-a"}}\n\n';
    const chunks = [`${delta('one')}${delta('two')}${error}${delta('three')}`];
    bench.fake.setFault({ answer: { recording: { headers: { 'content-type': 'text/event-stream' }, chunks } } });
    const { text } = await readUntilBroken(await bench.ask('anthropic', { stream: true }));
    expect(text.startsWith(delta('one') + delta('two'))).toBe(true);
    expect(text).not.toMatch(/secret|three/);
    expect(await settled(bench)).toMatchObject({ success: false, abortReason: 'error_event', tokens: { output: 2 } });
  });

  test('a client that leaves is the end of it', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a', 'b');
    bench.fake.setFault({ answer: { tokens: { output: 1_000 }, paceMs: 10 } });
    const client = new AbortController();
    const response = await bench.ask('anthropic', {
      stream: true,
      signal: client.signal,
      body: { max_tokens: 2_000 },
    });
    await response.body?.getReader().read();
    client.abort();
    expect(await settled(bench)).toMatchObject({ statusCode: 499, abortReason: 'client_gone', success: false });
    expect(bench.fake.books()).toHaveLength(1);
    await vi.waitUntil(() => bench.fake.books()[0]?.closedAtMs !== null, { timeout: 1_000, interval: 5 });
  });
});

describe('before the first byte', () => {
  test('a lease that is taken away is followed by another', async () => {
    await using bench = await startRelayBench();
    const { broker, fake } = bench;
    broker.keys = keys('a', 'b');
    fake.setFault({ match: { key: 'secret-of-a' }, fault: 'silence' });
    const asked = bench.ask('openai', { stream: true });
    await vi.waitUntil(() => fake.books().length === 1, { timeout: 5_000, interval: 1 });
    broker.granted[0]?.cut.abort();
    expect(await bytesOf(await asked)).toEqual(fake.body('last'));
    expect(causesOf(await settled(bench))).toEqual(['lease_cut', '']);
    expect(broker.causes).toEqual(['cancelled', 'success']);
  });

  test('a client that leaves ends the attempt at once, and there is no other', async () => {
    await using bench = await startRelayBench();
    const { broker, fake } = bench;
    broker.keys = keys('a', 'b');
    fake.setFault({ fault: 'silence' });
    const client = new AbortController();
    const asked = bench.ask('openai', { signal: client.signal });
    await vi.waitUntil(() => fake.books().length === 1, { timeout: 5_000, interval: 1 });
    client.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    expect(await settled(bench)).toMatchObject({ statusCode: 499, abortReason: 'client_gone', usageSource: 'none' });
    expect(broker.causes).toEqual(['cancelled']);
    await vi.waitUntil(() => fake.books()[0]?.closedAtMs !== null, { timeout: 1_000, interval: 5 });
    expect(fake.books()).toHaveLength(1);
  });

  test.each(['malformed', 'error-event', { kind: 'cut', how: 'end' }, { kind: 'cut', how: 'fin' }] as const)(
    'an answer in one piece that is none is tried again: %j',
    async (fault) => {
      await using bench = await startRelayBench({ deadlines: { idleMs: 300 } });
      bench.broker.keys = keys('a', 'b');
      bench.fake.setFault({ fault, once: true });
      const response = await bench.ask('anthropic');
      expect(response.status).toBe(200);
      expect(await bytesOf(response)).toEqual(bench.fake.body('last'));
      expect(bench.fake.books()).toHaveLength(2);
      // the first byte is what the broker hears of, unless it already tells of an error
      expect(bench.broker.causes).toEqual([fault === 'error-event' ? 'upstream_error' : 'success', 'success']);
      expect((await settled(bench)).tokens).toMatchObject({ input: 25, output: 20 });
    },
  );

  test('what cannot be written down is not forwarded', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a', 'b');
    bench.outbox.fault = new OmgError('unavailable', 'full');
    expect((await bench.ask('openai')).status).toBe(503);
    expect(bench.fake.books()).toEqual([]);
    expect(bench.outbox.records).toEqual([]);
    expect(bench.broker.granted.map(({ released }) => released)).toEqual([[0]]);
  });

  test.each(BOTH)('where there is no key at all, the client learns when: %s', async (dialect) => {
    await using bench = await startRelayBench();
    bench.broker.refusal = { reason: 'slots', retryAfterMs: 4_000 };
    const response = await bench.ask(dialect);
    expect(response.status).toBe(NO_KEY[dialect]);
    expect(response.headers.get('retry-after')).toBe('4');
    expect(bench.broker.wishes).toHaveLength(1);
    expect(bench.outbox.requests).toEqual([]);
  });
});

describe('the wish for a stream’s usage, which is the gateway’s own', () => {
  const body = { stream_options: undefined };

  test('that an upstream rejects is left out, and what it delivers is counted; it is not asked again for a while', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a');
    bench.fake.setFault({ answer: { usage: 'reject-include' } });
    const response = await bench.ask('openai', { stream: true, body });
    expect(response.status).toBe(200);
    expect(await bytesOf(response)).toEqual(bench.fake.body('last'));
    const record = await settled(bench);
    expect(record).toMatchObject({ success: true, usageSource: 'estimated', tokens: { output: 20 } });
    expect(record.attempts).toMatchObject([
      { keyId: 'a', statusCode: 400, cause: 'usage_option' },
      { keyId: 'a', statusCode: 200, cause: '' },
    ]);
    expect(bench.broker.causes).toEqual(['success']);
    await bytesOf(await bench.ask('openai', { stream: true, body }));
    expect(bench.fake.books()).toHaveLength(3);
  });

  test('is the client’s where it asked for it: then it is told', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a');
    bench.fake.setFault({ answer: { usage: 'reject-include' } });
    const response = await bench.ask('openai', { stream: true });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('stream_options');
    expect(bench.fake.books()).toHaveLength(1);
  });

  test('that an upstream ignores is no fault: what it delivers is counted', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a');
    bench.fake.setFault({ answer: { usage: 'ignore-include' } });
    const response = await bench.ask('openai', { stream: true, body });
    expect(await bytesOf(response)).toEqual(bench.fake.body('last'));
    expect(await settled(bench)).toMatchObject({ success: true, usageSource: 'estimated', tokens: { output: 20 } });
  });
});

describe('what the request itself caused', () => {
  test.each([
    ['anthropic-prompt-too-long', 400],
    ['anthropic-too-large', 413],
    ['anthropic-not-found', 404],
    ['openai-context-length', 400],
    ['openai-content-policy', 400],
    [422, 422],
    [400, 400],
  ] as const)('%s is not tried again', async (fault, status) => {
    await using bench = await startRelayBench();
    bench.broker.keys = keys('a', 'b');
    bench.fake.setFault({ fault });
    const response = await bench.ask('anthropic', { stream: true });
    expect(response.status).toBe(status);
    expect(bench.fake.books()).toHaveLength(1);
    expect(bench.broker.causes).toEqual(['request_fault']);
    expect(await settled(bench)).toMatchObject({ statusCode: status, success: false });
  });
});

describe('affinity', () => {
  test('all requests of a conversation wish for one key, those of others for another', async () => {
    await using bench = await startRelayBench();
    const { broker, ask } = bench;
    broker.keys = keys('a');
    const first = { role: 'user', content: 'first' };
    const bodies = [
      { messages: [first] },
      { messages: [first, { role: 'assistant', content: 'x' }, { role: 'user', content: 'next' }] },
      { messages: [{ role: 'user', content: 'another' }] },
      { messages: [first], prompt_cache_key: 'one' },
      { messages: [{ role: 'user', content: 'another' }], prompt_cache_key: 'one' },
      { messages: [first], system: 'a prompt' },
      { messages: [] },
    ];
    for (const body of bodies) await bytesOf(await ask('openai', { body }));
    const hashes = broker.wishes.map((wish) => wish.affinityHash);
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[4]).toBe(hashes[3]);
    expect(new Set(hashes.slice(0, 6)).size).toBe(4);
    expect(hashes[6]).toBeUndefined();
    expect(broker.wishes[0]?.tokens).toBeGreaterThan(50);
  });

  test('x-omg-session names the conversation, whatever else does, and within the client’s own key', async () => {
    await using bench = await startRelayBench({
      authenticate: async (key = '') =>
        await Promise.resolve({
          account: { tenantId: 't', tenantName: 'T', clientKeyId: key, keyTerms: UNRESTRICTED, quotas: [] },
        }),
    });
    const { broker, ask, fake } = bench;
    broker.keys = keys('a');
    const hashOf = async (key: string, headers: Record<string, string>, body: object = {}): Promise<unknown> => {
      await bytesOf(await ask('anthropic', { body, headers: { authorization: `Bearer ${key}`, ...headers } }));
      return broker.wishes.at(-1)?.affinityHash;
    };
    const mine = { 'x-omg-session': 'mine' };
    const named = await hashOf('ann', mine);
    expect(named).toBeTypeOf('number');
    const others = { 'x-claude-code-session-id': 'c', 'session-id': 's', 'thread-id': 't', 'x-session-id': 'x' };
    expect(await hashOf('ann', { ...others, ...mine })).toBe(named);
    const messages = [{ role: 'user', content: 'of something else' }];
    expect(await hashOf('ann', mine, { messages, prompt_cache_key: 'p', metadata: { user_id: 'u' } })).toBe(named);
    expect(await hashOf('ann', others)).not.toBe(named);
    expect(await hashOf('bob', mine)).not.toBe(named);
    // it is for the gateway alone
    expect(JSON.stringify(fake.books())).not.toMatch(/x-omg-session|mine/);
  });
});
