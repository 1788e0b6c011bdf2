import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { dialectServerOptions, registerBodyReader, registerDialectErrors } from '../src/index.ts';

const MAX_BODY_BYTES = 1024;

let app: FastifyInstance;
let origin: string;
let maxBodyBytes: number;
const faults: unknown[] = [];

beforeEach(async () => {
  faults.length = 0;
  const onFault = (error: unknown): void => {
    faults.push(error);
  };
  app = Fastify({ genReqId: () => randomUUID(), ...dialectServerOptions() });
  maxBodyBytes = MAX_BODY_BYTES;
  registerBodyReader(app, { maxBytes: () => maxBodyBytes });
  registerDialectErrors(app, {
    onFault,
    refusalOf: (error) =>
      error instanceof Busy ? { kind: 'rate_limited', message: 'busy', retryAfterMs: 2_500 } : undefined,
  });
  const fail = async (): Promise<never> => await Promise.reject(new Error('sk-inner-secret in a stack'));
  for (const path of ['/v1/chat/completions', '/v1/messages'])
    app.post(path, async ({ body }) => ({ size: Buffer.isBuffer(body) ? body.length : 0 }));
  for (const path of ['/v1/chat/completions/broken', '/v1/messages/broken']) app.post(path, fail);
  for (const path of ['/v1/chat/completions/busy', '/v1/messages/busy'])
    app.post(path, async () => await Promise.reject(new Busy()));
  app.get('/v1/things/:id', async () => await Promise.resolve('a thing'));
  app.get('/v1/paths/*', async () => await Promise.resolve('a path'));
  origin = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await app.close();
});

class Busy extends Error {}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(origin + path, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** What comes back for bytes that no client library would send. */
async function askRaw(text: string): Promise<Answer> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  socket.write(text);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  const [head = '', body = ''] = Buffer.concat(chunks).toString('utf8').split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: new Headers(
      lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    ),
    body: JSON.parse(body),
  };
}

const anyText: unknown = expect.any(String);
const anthropic = (type: string, message = anyText) => ({
  type: 'error',
  error: { type, message },
  request_id: anyText,
});
const openai = (code: string | null, message = anyText) => ({
  error: { message, type: 'invalid_request_error', param: null, code },
});

/** OpenAI's SDK reads the one, Anthropic's the other. */
function requestIdOf({ headers, body }: Answer): string | null {
  const anthropicId = headers.get('request-id');
  if (anthropicId !== null) expect(body).toMatchObject({ request_id: anthropicId });
  return headers.get('x-request-id') ?? anthropicId;
}

describe('a route that does not exist', () => {
  test.each([
    ['/v1/models', {}, openai('not_found')],
    ['/v1/models', { 'anthropic-version': '2026-10-21' }, anthropic('not_found_error')],
    ['/v1/models', { 'x-api-key': 'k' }, anthropic('not_found_error')],
    ['/v1/messages/count', {}, anthropic('not_found_error')],
    ['/other/chat/completions', { 'x-api-key': 'k' }, openai('not_found')],
  ])('answers 404 at %s with %j in the dialect of the path, else of the headers', async (path, headers, body) => {
    const answer = await ask(path, { headers });
    expect(answer).toMatchObject({ status: 404, body });
    expect(requestIdOf(answer)).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(faults).toEqual([]);
  });

  test('is named without its query, which may hold a key', async () => {
    const { body } = await ask('/v1/models?key=sk-very-secret');
    expect(JSON.stringify(body)).toContain('GET /v1/models');
    expect(JSON.stringify(body)).not.toContain('secret');
  });
});

describe('a wrong method', () => {
  test.each([
    ['GET', '/v1/messages?beta=true', anthropic('invalid_request_error', '/v1/messages takes POST, not GET')],
    ['DELETE', '/v1/chat/completions', openai('method_not_allowed', '/v1/chat/completions takes POST, not DELETE')],
    ['OPTIONS', '/v1/messages', anthropic('invalid_request_error')],
  ])('%s %s answers 405 and says which one is right', async (method, path, body) => {
    const answer = await ask(path, { method });
    expect(answer).toMatchObject({ status: 405, body });
    expect(answer.headers.get('allow')).toBe('POST');
    expect(requestIdOf(answer)).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    ['/v1/things/1', 'GET, HEAD'],
    ['/v1/paths/a/b', 'GET, HEAD'],
  ])('at %s, whose route has a parameter, names %s', async (path, allow) => {
    const answer = await ask(path, { method: 'POST', body: 'x' });
    expect(answer).toMatchObject({
      status: 405,
      body: openai('method_not_allowed', `${path} takes ${allow}, not POST`),
    });
    expect(answer.headers.get('allow')).toBe(allow);
    expect(await ask('/v1/things/1/2', { method: 'POST' })).toMatchObject({ status: 404 });
  });

  test('HEAD answers 405 without a body', async () => {
    const response = await fetch(`${origin}/v1/messages`, { method: 'HEAD' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
    expect(response.headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a body that is too large', () => {
  test.each([
    ['/v1/messages', anthropic('request_too_large')],
    ['/v1/chat/completions', openai('request_too_large')],
  ])('answers 413 at %s, whether its length is announced or not', async (path, body) => {
    const announced = await ask(path, { method: 'POST', body: Buffer.alloc(MAX_BODY_BYTES + 1) });
    expect(announced).toMatchObject({ status: 413, body });
    expect(requestIdOf(announced)).toMatch(/^[0-9a-f-]{36}$/);
    const chunk = Buffer.alloc(MAX_BODY_BYTES);
    const stream = ReadableStream.from([chunk, chunk, chunk]);
    expect(await ask(path, { method: 'POST', body: stream, duplex: 'half' })).toMatchObject({ status: 413, body });
    expect(faults).toEqual([]);
  });

  test('is answered before all of it was sent', async () => {
    const answer = await askRaw(
      'POST /v1/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100000000\r\n\r\n{"model"',
    );
    expect(answer).toMatchObject({ status: 413, body: anthropic('request_too_large') });
  });

  test('is told the limit, which may change while the server runs', async () => {
    maxBodyBytes = 10;
    const answer = await ask('/v1/messages', { method: 'POST', body: 'eleven char' });
    const message = 'the request body is larger than 10 bytes';
    expect(answer).toMatchObject({ status: 413, body: anthropic('request_too_large', message) });
    maxBodyBytes = 11;
    expect(await ask('/v1/messages', { method: 'POST', body: 'eleven char' })).toMatchObject({ status: 200 });
  });

  test('the limit is the only one: the framework’s own, of 1 MiB, does not count', async () => {
    maxBodyBytes = 32 * 1024 * 1024;
    expect(await ask('/v1/messages', { method: 'POST', body: Buffer.alloc(maxBodyBytes) })).toMatchObject({
      status: 200,
      body: { size: maxBodyBytes },
    });
  });

  test('a body of just the limit is taken', async () => {
    expect(await ask('/v1/messages', { method: 'POST', body: Buffer.alloc(MAX_BODY_BYTES) })).toMatchObject({
      status: 200,
      body: { size: MAX_BODY_BYTES },
    });
  });
});

describe('a body that is compressed', () => {
  test.each([
    ['/v1/messages', anthropic('invalid_request_error', expect.stringContaining('send it uncompressed'))],
    ['/v1/chat/completions', openai('unsupported_encoding', expect.stringContaining('"gzip"'))],
  ])('answers 415 at %s and says what is taken', async (path, body) => {
    const headers = { 'content-encoding': 'gzip' };
    const answer = await ask(path, { method: 'POST', headers, body: gzipSync('{}') });
    expect(answer).toMatchObject({ status: 415, body });
    expect(answer.headers.get('accept-encoding')).toBe('identity');
    expect(faults).toEqual([]);
  });

  test('one that says it is not is taken', async () => {
    const headers = { 'content-encoding': 'Identity' };
    expect(await ask('/v1/messages', { method: 'POST', headers, body: '{}' })).toMatchObject({ body: { size: 2 } });
  });
});

test('a refusal of the caller’s own is told with its wait', async () => {
  const [first, second] = await Promise.all(
    ['/v1/messages/busy', '/v1/chat/completions/busy'].map(async (path) => await ask(path, { method: 'POST' })),
  );
  expect(first).toMatchObject({ status: 429, body: anthropic('rate_limit_error', 'busy') });
  expect(second).toMatchObject({ status: 429, body: { error: { code: 'rate_limit_exceeded' } } });
  expect(first?.headers.get('retry-after')).toBe('3');
  expect(faults).toEqual([]);
});

test('a request on a connection that was kept is refused in the dialect while the server closes', async () => {
  const release = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const held = Fastify({ genReqId: () => randomUUID(), ...dialectServerOptions() });
  registerDialectErrors(held, { onFault: (error) => faults.push(error) });
  held.get('/held', async () => {
    arrived.resolve();
    await release.promise;
    return 'held';
  });
  origin = await held.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write('GET /held HTTP/1.1\r\nhost: x\r\n\r\n');
  await arrived.promise;
  const closing = held.close();
  // pipelined: it comes while the one before it still runs
  socket.write('POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
  await once(held.server, 'request');
  release.resolve();
  await once(socket, 'close');
  await closing;
  const [, second = ''] = Buffer.concat(chunks).toString('utf8').split('HTTP/1.1 200 OK');
  expect(second).toContain('HTTP/1.1 529');
  expect(second).toMatch(/retry-after: 1\r\n/);
  expect(second).toContain('"type":"overloaded_error"');
  expect(faults).toEqual([]);
});

describe('a request that cannot be read', () => {
  test.each([
    ['a content length that is no number', 'POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: abc\r\n\r\n', 400],
    [
      'a content length twice',
      'POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      400,
    ],
    ['what is no HTTP', 'hello\r\n\r\n', 400],
    [
      'headers that are too large',
      `GET /v1/messages HTTP/1.1\r\nhost: x\r\nx-long: ${'a'.repeat(40_000)}\r\n\r\n`,
      431,
    ],
  ])('with %s answers in words that both SDKs read, and ends the connection', async (_, text, status) => {
    const answer = await askRaw(text);
    expect(answer.status).toBe(status);
    // no route is known then: the error is where both look for it
    expect(answer.body).toMatchObject({
      error: { type: 'invalid_request_error', message: anyText },
    });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get('request-id')).toBe(answer.headers.get('x-request-id'));
    expect(answer.headers.get('connection')).toBe('close');
    expect(faults).toEqual([]);
  });

  test('with too many headers answers 431 in the dialect, before its body is read', async () => {
    const lines = Array.from({ length: 100 }, (_, index) => `x-${index}: y\r\n`).join('');
    const head = (more: string): string =>
      `POST /v1/messages HTTP/1.1\r\ncontent-length: 9999\r\nconnection: close\r\nhost: x\r\n${more}\r\n`;
    expect(await askRaw(head(lines))).toMatchObject({
      status: 431,
      body: anthropic('invalid_request_error', 'there are more than 100 headers'),
    });
  });

  test('that does not come to its end answers 408', async () => {
    const hasty = Fastify({
      ...dialectServerOptions(),
      requestTimeout: 200,
      http: { connectionsCheckingInterval: 20, headersTimeout: 200 },
    });
    await using _ = { [Symbol.asyncDispose]: async () => await hasty.close() };
    origin = await hasty.listen({ host: '127.0.0.1', port: 0 });
    const answer = await askRaw('POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-le');
    expect(answer).toMatchObject({ status: 408, body: { error: { type: 'invalid_request_error' } } });
  });

  test.each([
    ['/v1/messages/%zz', anthropic('invalid_request_error')],
    ['/v1/%zz', openai(null)],
  ])('with the path %s answers 400 in the dialect', async (path, body) => {
    const answer = await askRaw(`POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect(answer).toMatchObject({ status: 400, body });
    expect(requestIdOf(answer)).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    ['/v1/messages', anthropic('invalid_request_error')],
    ['/v1/chat/completions', openai(null)],
  ])('with another length than it announces answers 400 at %s', async (url, body) => {
    // no socket brings this about, but a server in front that lies to this one
    const answer = await app.inject({
      method: 'POST',
      url,
      headers: { 'content-length': '7' },
      payload: Buffer.from('four'),
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject(body);
  });

  test('because its client went away is nobody else’s fault', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<undefined>();
    app.server.once('connection', (served) => {
      served.once('close', () => {
        resolve(undefined);
      });
      // the first bytes have come, and the rest never will
      served.once('data', () => socket.resetAndDestroy());
    });
    const socket = connect(Number(new URL(origin).port), '127.0.0.1');
    socket.write('POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf');
    await closed;
    await new Promise(setImmediate);
    expect(faults).toEqual([]);
  });
});

describe('a fault of the gateway', () => {
  test.each([
    ['/v1/messages/broken', { type: 'error', error: { type: 'api_error', message: 'the gateway failed' } }],
    [
      '/v1/chat/completions/broken',
      { error: { type: 'server_error', code: 'internal_error', message: 'the gateway failed' } },
    ],
  ])('at %s is reported once, and tells the client nothing', async (path, body) => {
    const headers = path.includes('messages') ? { 'x-api-key': 'k' } : {};
    const answer = await ask(path, { method: 'POST', headers });
    expect(answer).toMatchObject({ status: 500, body });
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(requestIdOf(answer)).toMatch(/^[0-9a-f-]{36}$/);
    await vi.waitFor(() => {
      expect(faults).toEqual([new Error('sk-inner-secret in a stack')]);
    });
  });
});
