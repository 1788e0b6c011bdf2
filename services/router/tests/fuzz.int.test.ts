import { once } from 'node:events';
import { connect } from 'node:net';
import type { Dialect } from '@omg/llm-wire';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readUntilBroken } from './read-until-broken.ts';
import { MODEL, startRelayBench, type RelayBench } from './relay-bench.ts';

const PATHS: Readonly<Record<Dialect, string>> = { openai: '/v1/chat/completions', anthropic: '/v1/messages' };
const dialects = fc.constantFrom<Dialect[]>('openai', 'anthropic');
const VALID = JSON.stringify({
  model: MODEL,
  stream: false,
  max_tokens: 9,
  metadata: { user_id: '{"session":"é"}' },
  messages: [{ role: 'user', content: [{ type: 'text', text: 'a\u2028"\\\\ 東 👩‍🚀' }] }],
});

let bench: RelayBench;
beforeEach(async () => {
  bench = await startRelayBench({ retry: { attempts: 1 } });
  bench.broker.keys = [{ keyId: 'a', endpointName: 'primary' }];
});

afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

/** It serves as before, met no fault of its own, and holds nothing. */
async function expectUnharmed(): Promise<void> {
  const { fake, faults, openStreams, broker, allowances, outbox } = bench;
  fake.clearFaults();
  for (const dialect of ['openai', 'anthropic'] as const) {
    const response = await bench.ask(dialect, { stream: true });
    expect(await response.text()).toBe(fake.body('last')?.toString());
  }
  await vi.waitUntil(() => openStreams.count === 0 && fake.stats().open === 0, { timeout: 5_000, interval: 5 });
  expect(faults).toEqual([]);
  expect(broker.granted.every(({ released }) => released.length === 1)).toBe(true);
  expect(allowances.settlements).toHaveLength(allowances.wishes.length);
  expect(outbox.records).toHaveLength(outbox.requests.length);
}

async function post(
  dialect: Dialect,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<number> {
  const response = await fetch(bench.url + PATHS[dialect], {
    method: 'POST',
    headers: { authorization: 'Bearer k', 'content-type': 'application/json', ...headers },
    body,
  });
  const { error } = await readUntilBroken(response);
  expect(error).toBeUndefined();
  return response.status;
}

/** Whatever was sent, the client is at fault or is served. */
const answered: unknown = expect.toSatisfy((status: number) => status === 200 || (status >= 400 && status < 500));

describe('a body', () => {
  const edits = fc.array(
    fc.record({
      at: fc.nat(VALID.length),
      remove: fc.nat(5),
      insert: fc.oneof(
        fc.constantFrom('"', '{', '}', '[', ',', '\\', '\\u', 'é', '\0', '1e999', '-', ' '),
        fc.string(),
      ),
    }),
    { minLength: 1, maxLength: 4 },
  );

  test('of any bytes, or of any JSON, is answered', async () => {
    const json = fc.json({ maxDepth: 4 });
    const withModel = fc
      .jsonValue()
      .map((value) => JSON.stringify({ model: MODEL, messages: value, max_tokens: value }));
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => new Uint8Array(array));
    await fc.assert(
      fc.asyncProperty(dialects, fc.oneof(json, withModel, bytes), async (dialect, body) => {
        expect(await post(dialect, body)).toEqual(answered);
      }),
      { numRuns: 400 },
    );
    await expectUnharmed();
  });

  test('that was good and then was damaged is answered', async () => {
    await fc.assert(
      fc.asyncProperty(dialects, edits, async (dialect, changes) => {
        let body = VALID;
        for (const { at, remove, insert } of changes) body = body.slice(0, at) + insert + body.slice(at + remove);
        expect(await post(dialect, body)).toEqual(answered);
      }),
      { numRuns: 400 },
    );
    await expectUnharmed();
  });

  test.each([
    ['deep arrays', '['.repeat(200_000)],
    ['deep objects', `{"model":${'{"a":'.repeat(100_000)}`],
    ['a deep good body', `{"model":"${MODEL}","messages":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
    ['a long string', `{"model":"${'m'.repeat(900_000)}"}`],
    ['many members', `{${Array.from({ length: 50_000 }, (_, index) => `"k${index}":1`).join(',')}}`],
    ['a member twice', `{"model":"${MODEL}","model":"${MODEL}","stream":false,"stream":true,"messages":[]}`],
    ['a prototype', `{"model":"${MODEL}","__proto__":{"stream":true},"constructor":1,"messages":[]}`],
    ['half a character', Buffer.from([...Buffer.from(`{"model":"${MODEL}","messages":"`), 0xe6, 0x9d, 0x22, 0x7d])],
  ])('with %s is answered', async (_what, body) => {
    for (const dialect of ['openai', 'anthropic'] as const) expect(await post(dialect, body)).toEqual(answered);
    await expectUnharmed();
  });
});

describe('headers', () => {
  const value = fc.string({
    unit: fc.constantFrom('a', '=', ';', ',', '"', '{', '-', '0', ' ', '\t', 'é', 'ÿ'),
    maxLength: 60,
  });
  const name = fc.constantFrom(
    'accept',
    'accept-encoding',
    'anthropic-beta',
    'anthropic-version',
    'authorization',
    'content-encoding',
    'content-type',
    'origin',
    'session-id',
    'traceparent',
    'x-api-key',
    'x-claude-code-session-id',
    'x-forwarded-for',
    'x-omg-session',
    'x-request-id',
    '__proto__',
  );

  test('of any value are answered', async () => {
    await fc.assert(
      fc.asyncProperty(dialects, fc.dictionary(name, value, { maxKeys: 6 }), async (dialect, headers) => {
        expect(await post(dialect, VALID, headers)).toEqual(answered);
      }),
      { numRuns: 400 },
    );
    await expectUnharmed();
  });

  test('and request lines of any bytes end in an answer or a closed connection', async () => {
    const line = fc.oneof(
      fc.constantFrom(
        'POST /v1/messages HTTP/1.1',
        'POST /v1/chat/completions HTTP/1.1',
        'GET /v1/models HTTP/1.1',
        'host: x',
        'content-length: 5',
        'content-length: 99999999999',
        'content-length: -1',
        'transfer-encoding: chunked',
        'connection: close',
        'expect: 100-continue',
        'upgrade: websocket',
        '',
        '5',
        '0',
        VALID,
      ),
      fc.string({ unit: 'binary', maxLength: 30 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 8 }), async (lines) => {
        await sendRaw(Buffer.from(lines.join('\r\n'), 'utf8'));
      }),
      { numRuns: 300 },
    );
    await expectUnharmed();
  });
});

/** Until the other side closes; half of what is sent is no request. */
async function sendRaw(bytes: Buffer): Promise<void> {
  const { hostname, port } = new URL(bench.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  socket.end(bytes);
  await once(socket, 'close', { signal: AbortSignal.timeout(5_000) });
}

describe('what an upstream answers', () => {
  const words = fc.constantFrom(
    'data: ',
    'data:',
    'event: ',
    'error',
    'message_start',
    'message_stop',
    'message_delta',
    'content_block_delta',
    '[DONE]',
    '\n',
    '\n\n',
    '\r\n\r\n',
    '\r',
    ': c',
    '{"type":"message_stop"}',
    '{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}',
    '{"choices":[{"index":0,"delta":{"content":"é"},"finish_reason":"stop"}]}',
    '{"type":"message_delta","usage":{"output_tokens":-1,"iterations":[{}]}}',
    '{"error":{"message":null}}',
    '{"error":1}',
    '{"usage":{"prompt_tokens":1e308,"completion_tokens":"x"}}',
    'null',
    '{',
    '\uFEFF',
    '東',
  );
  const chunk = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.array(words, { minLength: 1, maxLength: 6 }).map((parts) => Buffer.from(parts.join(''))),
    },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((array) => Buffer.from(array)) },
  );
  const answer = fc.record({
    status: fc.constantFrom(200, 200, 200, 201, 206, 302, 400, 403, 404, 429, 500, 529),
    type: fc.constantFrom('text/event-stream', 'text/event-stream; charset=utf-8', 'application/json', 'text/html', ''),
    retryAfter: fc.constantFrom('', '0', '-1', '1e9', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT'),
    chunks: fc.array(chunk, { minLength: 1, maxLength: 10 }),
  });

  test('is passed on, or answered for: only what is whole ends as if it were', async () => {
    await fc.assert(
      fc.asyncProperty(
        dialects,
        fc.boolean(),
        answer,
        async (dialect, stream, { status, type, retryAfter, chunks }) => {
          const headers = { 'content-type': type, ...(retryAfter === '' ? {} : { 'retry-after': retryAfter }) };
          const recording = { status, headers, chunks: chunks.map((one) => ({ base64: one.toString('base64') })) };
          bench.fake.clearFaults();
          bench.fake.setFault({ answer: { recording } });
          const settled = bench.outbox.records.length;
          const response = await bench.ask(dialect, { stream });
          const { error } = await readUntilBroken(response);
          await vi.waitUntil(() => bench.outbox.records.length > settled, { timeout: 5_000, interval: 1 });
          const looksWhole = response.status < 300 && error === undefined;
          expect(bench.outbox.records.at(-1)).toMatchObject({ success: looksWhole, statusCode: response.status });
          const tokens = Object.values(bench.outbox.records.at(-1)?.tokens ?? {});
          expect(tokens.every((count) => Number.isSafeInteger(count) && count >= 0)).toBe(true);
        },
      ),
      { numRuns: 600 },
    );
    await expectUnharmed();
  });
});
