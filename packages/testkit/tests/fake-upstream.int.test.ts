import { brotliDecompressSync, constants, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';

import { Agent, request as undiciRequest } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { createFakeAdmin } from '../src/fake-upstream/fake-admin.ts';
import type { FakeAdmin } from '../src/fake-upstream/fake-admin.ts';
import { startFakeUpstream } from '../src/fake-upstream/fake-upstream.ts';
import type { FakeUpstream } from '../src/fake-upstream/fake-upstream.ts';
import type { FaultInput } from '../src/fake-upstream/fault.ts';
import { ERROR_NAMES } from '../src/fake-upstream/named-errors.ts';
import type { ScenarioInput } from '../src/fake-upstream/scenario.ts';
import { runToEnd, startProcess } from './fake-process.ts';
import { openConnection, postText, send, sendBytes, until } from './raw-http.ts';
import type { RawResponse } from './raw-http.ts';
import { readObject } from './read-json.ts';

let upstream: FakeUpstream;
let admin: FakeAdmin;

beforeAll(async () => {
  upstream = await startFakeUpstream();
  admin = createFakeAdmin(upstream.adminUrl);
});
afterAll(async () => {
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  upstream.clearFaults();
  upstream.clearBooks();
});

const CHAT = { model: 'model-1', messages: [{ role: 'user', content: 'hi' }], stream: true };
const ANY_NUMBER: unknown = expect.any(Number);
const ANY_STRING: unknown = expect.any(String);
const problemAt = (path: string): unknown => expect.stringContaining(path);
const DIALECTS = [
  { dialect: 'openai', path: '/base/v1/chat/completions' },
  { dialect: 'anthropic', path: '/base/v1/messages?beta=true' },
] as const;

interface AskOptions {
  readonly path?: string;
  readonly body?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
}

async function ask(scenario: ScenarioInput, { path, body, headers }: AskOptions = {}): Promise<RawResponse> {
  return await send(upstream.url, {
    path: path ?? DIALECTS[0].path,
    headers: { 'x-fake': JSON.stringify(scenario), ...headers },
    body: { ...CHAT, ...body },
  });
}

/** Reads server-sent events as the specification says: the three line ends, comments, joined data lines. */
function readEvents(text: string): Array<{ event: string; data: string }> {
  return text
    .replaceAll(/\r\n|\r/g, '\n')
    .split('\n\n')
    .map((block) => {
      const fields = block
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith(':'))
        .map((line) => /^([^:]+)(?:: ?(.*))?$/s.exec(line) ?? []);
      const valuesOf = (name: string): string[] =>
        fields.flatMap((field) => (field[1] === name ? [field[2] ?? ''] : []));
      return { event: valuesOf('event').join(''), data: valuesOf('data').join('\n') };
    })
    .filter(({ data }) => data !== '');
}

function lastEntry() {
  const entry = upstream.bookById('last');
  if (entry === null) throw new Error('the books are empty');
  return entry;
}

describe.for(DIALECTS)('$dialect', ({ dialect, path }) => {
  const SHAPES: ScenarioInput[] = [
    {},
    { chunks: 'one' },
    { chunks: { bytes: 1 } },
    { chunks: { randomSeed: 1, maxBytes: 40 } },
    { chunks: { randomSeed: 2, maxBytes: 5000 }, lineEnd: 'crlf', padding: true },
    { encoding: 'gzip' },
    { encoding: 'gzip', chunks: { bytes: 3 } },
    { encoding: 'deflate' },
    { encoding: 'br', chunks: { randomSeed: 3, maxBytes: 11 } },
    { encoding: 'zstd' },
    { framing: 'close' },
    { paceMs: 2, chunks: { bytes: 7 }, tokens: { output: 4 } },
  ];

  test.for(SHAPES.flatMap((shape) => [true, false].map((stream) => ({ shape, stream }))))(
    'the client receives exactly the bytes in the books: stream $stream, $shape',
    async ({ shape, stream }) => {
      const response = await ask(shape, {
        path,
        body: { stream, stream_options: stream ? { include_usage: true } : undefined },
      });
      expect([response.status, response.outcome]).toEqual([200, 'end']);
      const entry = lastEntry();
      expect(upstream.body('last')?.equals(response.body)).toBe(true);
      expect((await admin.body('last')).equals(response.body)).toBe(true);
      expect(entry).toMatchObject({ dialect, stream, complete: true, status: 200, model: 'model-1', key: 'key-1' });
      expect(entry.bytesSent).toBe(response.body.length);
      expect(entry.delivered).toMatchObject({ input: 25, output: shape.tokens?.output ?? 20 });
      expect(entry.promised).toEqual(entry.delivered);
      const coded = response.headers['content-encoding'];
      expect(coded ?? 'identity').toBe(shape.encoding ?? 'identity');
      const decode = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
      const text = (
        shape.encoding === undefined || shape.encoding === 'identity'
          ? response.body
          : decode[shape.encoding](response.body)
      ).toString();
      if (!stream) {
        expect(response.headers['content-type']).toBe('application/json');
        expect(JSON.parse(text)).toMatchObject({ model: 'model-1' });
        return;
      }
      const events = readEvents(text);
      const deltas = events.filter(
        ({ data }) => data.includes('"content_block_delta"') || /"content":"[^"]/.test(data),
      );
      expect(deltas).toHaveLength(entry.delivered.output);
      expect(events.at(-1)?.data).toContain(dialect === 'openai' ? '[DONE]' : 'message_stop');
      if (dialect === 'anthropic') {
        for (const { event, data } of events) expect(event).toBe(readObject(data)['type']);
      }
    },
  );

  test('writes arrive as the scenario cut them', async () => {
    const single = await ask({ chunks: { bytes: 1 }, tokens: { output: 2 } }, { path });
    expect(single.chunks.every((chunk) => chunk.length === 1)).toBe(true);
    expect(lastEntry().chunksSent).toBe(single.body.length);
    const whole = await ask({ chunks: 'one' }, { path });
    expect(whole.chunks).toHaveLength(1);
    expect(lastEntry().chunksSent).toBe(1);
  });

  test('pace, first token and header delays are kept', async () => {
    const scenario = { headerDelayMs: 60, firstTokenDelayMs: 80, paceMs: 20, tokens: { output: 4 } };
    await ask(scenario, { path });
    const { startedAtMs, headersAtMs, firstByteAtMs, lastByteAtMs } = lastEntry();
    expect((headersAtMs ?? 0) - startedAtMs).toBeGreaterThanOrEqual(59);
    expect((lastByteAtMs ?? 0) - (firstByteAtMs ?? 0)).toBeGreaterThanOrEqual(80 + 3 * 20 - 4);
    expect((lastByteAtMs ?? 0) - startedAtMs).toBeLessThan(1500);
  });

  test('keep-alives come while it waits, between events, and count no token', async () => {
    const scenario: ScenarioInput = { keepAliveMs: 10, firstTokenDelayMs: 300, tokens: { output: 2 } };
    const response = await ask(scenario, { path });
    const text = response.body.toString();
    const beats = dialect === 'openai' ? text.match(/^: keep-alive$/gm) : text.match(/^event: ping$/gm);
    expect(beats?.length).toBeGreaterThanOrEqual(dialect === 'openai' ? 3 : 4);
    expect(readEvents(text).every(({ data }) => data === '[DONE]' || typeof JSON.parse(data) === 'object')).toBe(true);
    expect(lastEntry().delivered.output).toBe(2);
  });

  test('max_tokens is honoured', async () => {
    await ask({}, { path, body: { max_tokens: 3 } });
    expect(lastEntry().delivered.output).toBe(3);
    expect(upstream.body('last')?.toString()).toContain(dialect === 'openai' ? '"length"' : '"max_tokens"');
  });

  test('the headers are those of the vendor, with the request id of the books', async () => {
    const { headers } = await ask({ headers: { 'X-Extra': '1' } }, { path });
    const { requestId } = lastEntry();
    expect(headers[dialect === 'openai' ? 'x-request-id' : 'request-id']).toBe(requestId);
    expect(headers).toMatchObject({ server: 'cloudflare', 'x-extra': '1' });
    expect(headers['set-cookie']).toHaveLength(2);
    expect(headers).toHaveProperty(
      dialect === 'openai' ? 'x-ratelimit-remaining-tokens' : 'anthropic-ratelimit-tokens-remaining',
    );
    expect(await admin.book(requestId ?? '')).toMatchObject({ id: lastEntry().id });
  });

  test.for([
    ['tokens 0', { tokens: 0 }, 0],
    ['tokens 5', { tokens: 5 }, 5],
    ['all tokens', { tokens: 999 }, 20],
  ] as const)('cut after %s: what was written is what the books say', async ([, after, output]) => {
    for (const how of ['rst', 'fin', 'end'] as const) {
      const response = await ask({ fault: { kind: 'cut', after, how } }, { path });
      expect(response.outcome).toBe(how === 'end' ? 'end' : 'ECONNRESET');
      const entry = await until(lastEntry, ({ closedAtMs }) => closedAtMs !== null);
      expect(entry).toMatchObject({
        complete: false,
        clientAwayAtMs: null,
        fault: { kind: 'cut' },
        delivered: { input: 25, output },
      });
      expect(upstream.body('last')?.equals(response.body)).toBe(true);
      expect(response.body.toString()).not.toMatch(/\[DONE\]|message_stop/);
    }
  });

  test('cut after bytes and after writes is exact, streamed or not, coded or not', async () => {
    for (const stream of [true, false]) {
      for (const encoding of ['identity', 'gzip'] as const) {
        const bytes = await ask(
          { fault: { kind: 'cut', after: { bytes: 100 } }, encoding },
          { path, body: { stream } },
        );
        expect([bytes.body.length, bytes.outcome]).toEqual([100, 'ECONNRESET']);
        expect(lastEntry()).toMatchObject({ bytesSent: 100, complete: false });
      }
    }
    const chunks = await ask({ fault: { kind: 'cut', after: { chunks: 3 } } }, { path });
    expect(chunks.chunks).toHaveLength(3);
    expect(lastEntry().chunksSent).toBe(3);
  });

  test('a compressed stream gives every event away at once, so that a cut one can still be read', async () => {
    const response = await ask({ fault: { kind: 'cut', after: { tokens: 3 } }, encoding: 'gzip' }, { path });
    const text = gunzipSync(response.body, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
    expect(text.endsWith('\n\n')).toBe(true);
    expect(text.match(/ relays/g)).toHaveLength(1);
    expect(lastEntry()).toMatchObject({ delivered: { output: 3 }, bytesSent: response.body.length });
  });

  test('a plain answer cut after tokens delivers half of its bytes and no token', async () => {
    const response = await ask({ fault: 'cut' }, { path, body: { stream: false } });
    expect(response.outcome).toBe('ECONNRESET');
    expect(response.body.length).toBe(Math.floor(Number(response.headers['content-length']) / 2));
    expect(lastEntry()).toMatchObject({ delivered: { input: 25, output: 0 }, promised: null });
  });

  test('a stall ends when the client leaves, or goes on after its time', async () => {
    const resumed = await ask({ fault: { kind: 'stall', after: { tokens: 3 }, forMs: 60 } }, { path });
    expect(resumed.outcome).toBe('end');
    expect(lastEntry()).toMatchObject({ complete: true, delivered: { output: 20 } });
    const timeout = send(upstream.url, {
      path,
      headers: { 'x-fake': '{"fault": {"kind": "stall", "after": {"tokens": 3}}}' },
      body: CHAT,
      onChunk: (_, socket) => void (lastEntry().delivered.output === 3 && setTimeout(() => socket.destroy(), 30)),
    });
    await timeout.catch(() => null);
    const entry = await until(lastEntry, ({ closedAtMs }) => closedAtMs !== null);
    expect(entry).toMatchObject({
      complete: false,
      delivered: { output: 3 },
      usageSent: dialect === 'openai' ? 'none' : 'start',
    });
    expect(entry.clientAwayAtMs).not.toBeNull();
  });

  test('a malformed event comes in between, and the stream goes on', async () => {
    const response = await ask({ fault: { kind: 'malformed', after: { tokens: 2 } } }, { path });
    const broken = readEvents(response.body.toString()).filter(({ data }) => {
      try {
        return data !== '[DONE]' && JSON.parse(data) === undefined;
      } catch {
        return true;
      }
    });
    expect(broken).toHaveLength(1);
    expect(lastEntry()).toMatchObject({ complete: true, delivered: { output: 20 } });
    const raw = await ask({ fault: { kind: 'malformed', raw: 'data: ~\n\n' } }, { path });
    expect(raw.body.toString()).toContain('\n\ndata: ~\n\n');
    const plain = await ask({ fault: 'malformed' }, { path, body: { stream: false } });
    expect(() => readObject(plain.body)).toThrow(SyntaxError);
    expect(plain.outcome).toBe('end');
  });

  test('the terminal event can be missing', async () => {
    const response = await ask({ fault: 'no-terminal' }, { path });
    expect(response.outcome).toBe('end');
    expect(response.body.toString()).not.toMatch(/\[DONE\]|message_stop/);
    expect(response.body.toString()).toMatch(/"finish_reason":"stop"|"stop_reason":"end_turn"/);
    expect(lastEntry()).toMatchObject({ complete: false, delivered: { output: 20 } });
  });

  test('an error event can come right after the head, or later, with each ending', async () => {
    const early = await ask({ fault: 'error-event' }, { path });
    const events = readEvents(early.body.toString());
    expect(events).toHaveLength(2);
    expect(events[1]?.data).toContain('"error"');
    if (dialect === 'anthropic') expect(events[1]?.event).toBe('error');
    expect(lastEntry()).toMatchObject({ complete: false, delivered: { input: 25, output: 0 } });
    for (const [ending, outcome] of [
      ['end', 'end'],
      ['fin', 'ECONNRESET'],
      ['rst', 'ECONNRESET'],
      ['continue', 'end'],
    ] as const) {
      const error = { type: 'overloaded_error', message: 'later' };
      const late = await ask({ fault: { kind: 'error-event', after: { tokens: 4 }, error, ending } }, { path });
      expect([ending, late.outcome]).toEqual([ending, outcome]);
      expect(late.body.toString()).toContain('"overloaded_error"');
      expect(lastEntry().delivered.output).toBe(ending === 'continue' ? 20 : 4);
    }
    const plain = await ask({ fault: 'error-event' }, { path, body: { stream: false } });
    expect([plain.status, readObject(plain.body)]).toMatchObject([200, { error: {} }]);
  });

  test('silence answers nothing until the client leaves', async () => {
    upstream.setFault({ fault: 'silence' });
    const socket = await openConnection(upstream.port, postText(path, CHAT));
    const entry = await until(
      () => upstream.bookById('last'),
      (found) => found !== null && found.fault !== null,
    );
    expect(entry).toMatchObject({ status: null, requestId: null, closedAtMs: null, fault: { kind: 'silence' } });
    socket.destroy();
    await until(lastEntry, ({ socketClosedAtMs }) => socketClosedAtMs !== null);
    expect(lastEntry()).toMatchObject({ status: null, bytesSent: 0, clientAwayAtMs: ANY_NUMBER });
  });

  test.for([401, 402, 403, 429, 500, 502, 503, 504, 529])('status %i has the vendor’s body', async (status) => {
    const response = await ask({ fault: status }, { path });
    expect([response.status, response.outcome]).toEqual([status, 'end']);
    const body = readObject(response.body);
    expect(body).toMatchObject({
      error: { message: ANY_STRING, type: ANY_STRING },
    });
    expect(body['type']).toBe(dialect === 'anthropic' ? 'error' : undefined);
    expect(lastEntry()).toMatchObject({
      status,
      complete: true,
      fault: { kind: `status-${status}` },
      delivered: { input: 0, output: 0 },
      promised: null,
    });
  });
});

describe('faults', () => {
  test.for(ERROR_NAMES)('error body %s arrives as it is named', async (name) => {
    upstream.setFault({ id: 'named', fault: name, once: true });
    const response = await ask({});
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(lastEntry()).toMatchObject({ status: response.status, fault: { ruleId: 'named', kind: name } });
    expect(upstream.body('last')?.equals(response.body)).toBe(true);
  });

  test('Retry-After comes in seconds, as a date, or not at all', async () => {
    const seconds = await ask({ fault: { kind: 'status', status: 429, retryAfter: 7 } });
    expect(seconds.headers['retry-after']).toBe('7');
    const date = await ask({
      fault: { kind: 'error', name: 'openai-rate-limit', retryAfter: 60, retryAfterForm: 'date' },
    });
    const ahead = Date.parse(date.headers['retry-after'] ?? '') - Date.now();
    expect(ahead).toBeGreaterThan(57_000);
    expect(ahead).toBeLessThanOrEqual(60_000);
    expect((await ask({ fault: 429 })).headers).not.toHaveProperty('retry-after');
    const both = await ask({
      fault: { kind: 'status', status: 503, headers: { 'retry-after-ms': '120', 'x-should-retry': 'false' } },
    });
    expect(both.headers).toMatchObject({ 'retry-after-ms': '120', 'x-should-retry': 'false' });
  });

  test('a body of one’s own is sent as it is', async () => {
    const text = await ask({ fault: { kind: 'status', status: 403, body: 'no', contentType: 'text/html' } });
    expect([text.status, text.headers['content-type'], text.body.toString()]).toEqual([403, 'text/html', 'no']);
    const json = await ask({ fault: { kind: 'status', status: 400, body: { detail: [1] } } });
    expect([json.headers['content-type'], json.body.toString()]).toEqual(['application/json', '{"detail":[1]}']);
  });

  test.for([
    ['reset', { kind: 'reset' }, '', 'ECONNRESET'],
    ['close', { kind: 'close' }, '', 'end'],
    ['cut rst', { kind: 'cut', how: 'rst' }, 'data: ', 'ECONNRESET'],
    ['cut fin', { kind: 'cut', how: 'fin' }, 'data: ', 'end'],
  ] as ReadonlyArray<readonly [string, FaultInput, string, string]>)(
    'on the wire %s is told apart',
    async ([, fault, text, outcome]) => {
      upstream.setFault({ fault });
      const seen = await sendBytes(upstream.port, postText('/v1/chat/completions', CHAT));
      expect(seen.outcome).toBe(outcome);
      expect(seen.text).toContain(text);
      expect(seen.text.endsWith('0\r\n\r\n')).toBe(false);
      if (text === '') expect(seen.text).toBe('');
      const entry = await until(lastEntry, ({ socketClosedAtMs }) => socketClosedAtMs !== null);
      expect(entry).toMatchObject({ complete: false, clientAwayAtMs: null });
    },
  );

  test('a clean end without the terminal event has whole framing', async () => {
    upstream.setFault({ fault: { kind: 'cut', how: 'end' } });
    const chunked = await send(upstream.url, { body: CHAT });
    expect([chunked.outcome, chunked.body.includes('[DONE]')]).toEqual(['end', false]);
    upstream.clearFaults();
    upstream.setFault({ answer: { framing: 'close', fault: { kind: 'cut', how: 'fin' } } });
    const seen = await sendBytes(upstream.port, postText('/v1/chat/completions', CHAT));
    expect(seen.outcome).toBe('end');
    expect(seen.text).not.toMatch(/transfer-encoding|content-length|\[DONE\]/i);
    expect(seen.text).toContain('"content":"the"');
  });

  test('a key recovers after so many failures while others are served', async () => {
    await admin.setFault({ match: { key: 'bad' }, fault: 401, times: 2 });
    expect(await statuses('bad')).toEqual([401, 401, 200]);
    expect(await statuses('good')).toEqual([200, 200, 200]);
    expect(await admin.faults()).toMatchObject([{ seen: 2, hits: 2, spent: true }]);
  });

  test('a script answers in its order, over HTTP', async () => {
    const ids = await admin.setFault({ script: [{ fault: 503 }, { fault: 'reset' }, null, { tokens: { output: 1 } }] });
    const seen: unknown[] = [];
    for (let index = 0; index < 5; index += 1) {
      await send(upstream.url, { body: CHAT }).catch(() => null);
      seen.push([lastEntry().status, lastEntry().delivered.output]);
    }
    expect(seen).toEqual([
      [503, 0],
      [null, 0],
      [200, 20],
      [200, 1],
      [200, 20],
    ]);
    await admin.removeFault(ids[0] ?? '');
    expect(await admin.faults()).toEqual([]);
    await expect(admin.removeFault('nothing')).rejects.toThrow('404');
  });

  test('faulty rules are refused whole, with every problem', async () => {
    const response = await send(upstream.adminUrl, {
      path: '/faults',
      body: [{ fault: 429 }, { fault: 'nope', times: -1 }],
    });
    expect(response.status).toBe(400);
    expect(readObject(response.body)).toMatchObject({
      problems: [problemAt('faults[1].fault'), problemAt('faults[1].times')],
    });
    expect(upstream.faults()).toEqual([]);
    const garbage = await send(upstream.adminUrl, { path: '/faults', body: '{' });
    expect(garbage.status).toBe(400);
    expect(() => upstream.setFault({ match: { key: '' }, fault: 500 })).toThrow('fault.match.key');
  });
});

/** The answers to three requests with the same key, one after the other. */
async function statuses(key: string): Promise<number[]> {
  const all: number[] = [];
  for (let index = 0; index < 3; index += 1) {
    all.push((await send(upstream.url, { headers: { authorization: `Bearer ${key}` }, body: CHAT })).status);
  }
  return all;
}

describe('clients that leave', () => {
  test('when, after how long, and what had been written is in the books within milliseconds', async () => {
    let leftAtMs = 0;
    const run = send(upstream.url, {
      headers: { 'x-fake': '{"paceMs": 10, "tokens": {"output": 500}}' },
      body: CHAT,
      onChunk: (_, socket) => {
        if (lastEntry().delivered.output < 10 || leftAtMs !== 0) return;
        leftAtMs = performance.timeOrigin + performance.now();
        socket.destroy();
      },
    });
    await run.catch(() => null);
    const entry = await admin.waitForBook(({ socketClosedAtMs }) => socketClosedAtMs !== null);
    expect(entry.complete).toBe(false);
    expect(Math.abs((entry.clientAwayAtMs ?? 0) - leftAtMs)).toBeLessThan(100);
    expect(entry.clientAwayAfterMs).toBeCloseTo((entry.clientAwayAtMs ?? 0) - entry.startedAtMs, 1);
    expect((entry.socketClosedAtMs ?? 0) - leftAtMs).toBeLessThan(100);
    expect((entry.closedAtMs ?? 0) - leftAtMs).toBeLessThan(100);
    expect(entry.delivered.output).toBeGreaterThanOrEqual(10);
    expect(entry.delivered.output).toBeLessThan(30);
    expect(entry.promised).toBeNull();
    const events = readEvents((await admin.body('last')).toString());
    expect(events.length - 1).toBe(entry.delivered.output);
  });

  test('a client that leaves before its body is whole is an entry without a digest', async () => {
    const text = postText('/v1/chat/completions', CHAT).slice(0, -10);
    const socket = await openConnection(upstream.port, text);
    await until(
      () => upstream.bookById('last'),
      (found) => found !== null,
    );
    socket.destroy();
    const entry = await until(lastEntry, ({ closedAtMs }) => closedAtMs !== null);
    expect(entry).toMatchObject({ requestSha256: null, status: null, clientAwayAtMs: ANY_NUMBER });
  });

  test('a client that does not read holds the writer up instead of filling its memory', async () => {
    upstream.setFault({ answer: { tokens: { output: 2_000_000 }, deltas: 20_000 } });
    const socket = await openConnection(upstream.port, postText('/v1/chat/completions', CHAT));
    socket.pause();
    const entry = await until(
      () => upstream.bookById('last'),
      (found) => (found?.bytesSent ?? 0) > 0,
    );
    let seen = -1;
    const stuck = await until(
      () => {
        const grew = (entry?.bytesSent ?? 0) !== seen;
        seen = entry?.bytesSent ?? 0;
        return grew;
      },
      (grew) => !grew && seen > 100_000,
    );
    expect(stuck).toBe(false);
    expect(entry?.delivered.output).toBeLessThan(2_000_000);
    socket.destroy();
    await until(lastEntry, ({ clientAwayAtMs }) => clientAwayAtMs !== null);
  });
});

describe('the books', () => {
  test('hold the request as it came, and the connection it came on', async () => {
    const agent = new Agent({ connections: 1 });
    const body = JSON.stringify({ ...CHAT, stream: false, ünïcode: '✓' });
    for (const headers of [{ 'x-api-key': 'key-9', 'X-Custom': 'a' }, { authorization: 'Bearer key-8' }]) {
      const answer = await undiciRequest(`${upstream.url}/p/v1/messages?beta=true`, {
        method: 'POST',
        body,
        headers,
        dispatcher: agent,
      });
      await answer.body.dump();
    }
    const [first, second] = upstream.books();
    expect(first).toMatchObject({
      key: 'key-9',
      keyHeader: 'x-api-key',
      method: 'POST',
      path: '/p/v1/messages',
      query: 'beta=true',
      proxy: 'direct',
      requestBytes: Buffer.byteLength(body),
    });
    expect(first?.requestHeaders).toContainEqual(['X-Custom', 'a']);
    expect(first?.requestSha256).toMatch(/^[0-9a-f]{64}$/);
    expect((await admin.requestBody(first?.id ?? 0)).toString()).toBe(body);
    expect(second).toMatchObject({
      key: 'key-8',
      keyHeader: 'authorization',
      connection: first?.connection,
      requestOnConnection: 2,
    });
    expect(second?.socketClosedAtMs).toBeNull();
    await agent.close();
    await until(
      () => second?.socketClosedAtMs ?? null,
      (at) => at !== null,
    );
    expect(first?.socketClosedAtMs).toBeNull();
  });

  test('filters and sums agree with what happened', async () => {
    for (const key of ['a', 'b', 'a']) await ask({}, { headers: { authorization: `Bearer ${key}` } });
    upstream.setFault({ fault: 529 });
    await ask({ fault: 529 }, { body: { model: 'other' } });
    expect((await admin.books({ key: 'a' })).map((entry) => entry.key)).toEqual(['a', 'a']);
    expect(await admin.books({ model: 'other', limit: 5 })).toHaveLength(1);
    const stats = await until(
      () => upstream.stats(),
      ({ connections, open }) => open === 0 && connections.open === 0,
    );
    expect(stats).toMatchObject({
      requests: 4,
      open: 0,
      openStreams: 0,
      complete: 4,
      faulty: 1,
      clientAway: 0,
      byStatus: { 200: 3, 529: 1 },
      byKey: { a: { requests: 2, maxOpen: 1, delivered: { output: 40 } }, b: { requests: 1 } },
      byProxy: { direct: 4 },
      delivered: { input: 75, output: 60 },
    });
    const query = await send(upstream.adminUrl, { path: '/books?kee=a', method: 'GET' });
    expect(query.status).toBe(400);
  });

  test('count streams that are open at the same time', async () => {
    const runs = Array.from({ length: 20 }, async () => await ask({ paceMs: 5 }));
    await until(
      () => upstream.stats().openStreams,
      (open) => open === 20,
    );
    await Promise.all(runs);
    expect(upstream.stats()).toMatchObject({
      openStreams: 0,
      maxOpenStreams: 20,
      complete: 20,
      delivered: { output: 400 },
    });
  });

  test('recordings are sent byte by byte as they are', async () => {
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x64, 0x3a, 0xff, 0x00, 0x0a]);
    const recording = {
      headers: { 'content-type': 'text/weird', 'x-request-id': 'recorded' },
      chunks: ['data: a\r\n\r\n', { base64: bytes.toString('base64'), delayMs: 5, tokens: 2 }, { text: 'ü' }],
      tokens: { input: 9, cacheRead: 4, output: 3 },
    };
    upstream.setFault({ answer: { recording } });
    for (const stream of [true, false]) {
      const response = await ask({}, { body: { stream } });
      expect(response.body).toEqual(Buffer.concat([Buffer.from('data: a\r\n\r\n'), bytes, Buffer.from('ü')]));
      expect(response.headers).toMatchObject({ 'content-type': 'text/weird', 'x-request-id': 'recorded' });
      expect(lastEntry()).toMatchObject({ delivered: { input: 9, cacheRead: 4, output: 3 }, promised: { output: 3 } });
    }
    await ask({ fault: { kind: 'cut', after: { chunks: 2 } } });
    expect(lastEntry().delivered.output).toBe(2);
  });
});

describe('the surface', () => {
  test('models in the dialect of the headers', async () => {
    const openai = await send(upstream.url, { path: '/v1/models', method: 'GET' });
    expect(readObject(openai.body)).toMatchObject({
      object: 'list',
      data: [{ object: 'model' }, {}, {}, {}],
    });
    const headers = { 'anthropic-version': '2023-06-01' };
    const anthropic = await send(upstream.url, { path: '/x/v1/models?limit=5', method: 'GET', headers });
    expect(readObject(anthropic.body)).toMatchObject({
      has_more: false,
      data: [{ type: 'model' }, {}, {}, {}],
    });
  });

  test('counts tokens as the scenario says', async () => {
    const response = await ask(
      { tokens: { input: 7, cacheRead: 3 } },
      { path: '/v1/messages/count_tokens', body: { stream: undefined } },
    );
    expect(response.body.toString()).toBe('{"input_tokens":10}');
    expect(lastEntry()).toMatchObject({ dialect: 'anthropic', delivered: { input: 0, output: 0 } });
  });

  test.for([
    ['no key', { headers: { authorization: '' }, body: CHAT }, 401],
    ['bad JSON', { body: '{' }, 400],
    ['no model', { body: { messages: [] } }, 400],
    ['stream_options without stream', { body: { ...CHAT, stream: false, stream_options: {} } }, 400],
    ['unknown path', { path: '/v1/nothing', body: {} }, 404],
    ['bad x-fake', { headers: { 'x-fake': '{"tokenz": 1}' }, body: CHAT }, 400],
    [
      'rejected stream_options',
      {
        headers: { 'x-fake': '{"usage": "reject-include"}' },
        body: { ...CHAT, stream_options: { include_usage: true } },
      },
      400,
    ],
  ] as const)('%s is refused', async ([, options, status]) => {
    const response = await send(upstream.url, options);
    expect(response.status).toBe(status);
    expect(readObject(response.body)).toHaveProperty('error.message');
  });

  test('known keys and models only, when it was started so', async () => {
    await using strict = await startFakeUpstream({
      keys: ['key-1'],
      models: ['model-1'],
      strictModels: true,
      scenario: { tokens: { output: 2 } },
    });
    expect((await send(strict.url, { body: CHAT })).status).toBe(200);
    expect(strict.bookById('last')?.delivered.output).toBe(2);
    expect((await send(strict.url, { body: { ...CHAT, model: 'x' } })).status).toBe(404);
    expect((await send(strict.url, { headers: { authorization: 'Bearer x' }, body: CHAT })).status).toBe(401);
  });

  test('the administration lists its routes, and names what it does not know', async () => {
    const help = await send(upstream.adminUrl, { path: '/', method: 'GET' });
    for (const text of ['POST   /faults', 'litellm-token-not-found', 'compaction'])
      expect(help.body.toString()).toContain(text);
    expect((await send(upstream.adminUrl, { path: '/healthz', method: 'GET' })).body.toString()).toBe('ok\n');
    expect((await send(upstream.adminUrl, { path: '/nothing', method: 'GET' })).status).toBe(404);
    expect((await send(upstream.adminUrl, { path: '/stats', method: 'POST' })).status).toBe(405);
    expect((await send(upstream.adminUrl, { path: '/books/last', method: 'GET' })).status).toBe(404);
  });

  test('waiting for an entry that never comes ends with the last one seen', async () => {
    await ask({});
    await expect(admin.waitForBook(({ status }) => status === 418, { timeoutMs: 50 })).rejects.toThrow('last of 1');
  });

  test('a dropped body is gone, not empty', async () => {
    await using small = await startFakeUpstream({ maxBodyBytes: 10 });
    await send(small.url, { body: CHAT });
    await expect(createFakeAdmin(small.adminUrl).body('last')).rejects.toThrow('410');
  });
});

describe('the process', () => {
  test('says in one line of JSON where it listens, and ends cleanly at SIGTERM', async () => {
    const fake = await startProcess('fake-upstream', '--port', '0');
    expect((await send(fake.ready.url, { body: CHAT })).status).toBe(200);
    expect(await createFakeAdmin(fake.ready.adminUrl).book('last')).toMatchObject({ complete: true });
    expect(await fake.stop('SIGTERM')).toBe(0);
  });

  test('a taken port and an unknown option are one sentence and a failure', async () => {
    const taken = await runToEnd('fake-upstream', '--port', String(upstream.port));
    expect(taken).toMatch(/^1: fake-upstream: [^\n]*already taken by another program\.\n$/);
    expect(await runToEnd('fake-upstream', '--port', 'x')).toContain('1: fake-upstream: options.port');
    expect(await runToEnd('fake-upstream', '--prot', '1')).toContain("Unknown option '--prot'");
    await expect(startFakeUpstream({ port: upstream.port })).rejects.toThrow('already taken');
  });
});
