import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Authentication } from '../src/app/authenticate.ts';
import { UNRESTRICTED } from '../src/domain/key-terms.ts';
import type { Model } from '../src/domain/site.ts';
import { MODEL, startRelayBench, type RelayBench, type RelayBenchOptions } from './relay-bench.ts';

const MODELS: readonly Model[] = [
  {
    id: MODEL,
    aliases: ['claude-haiku-4-5'],
    upstream: 'haiku-upstream',
    displayName: 'Haiku',
    contextWindow: 200_000,
  },
  { id: 'vendor/model-b', aliases: [], upstream: 'b' },
  { id: 'model-c', aliases: [], upstream: 'c' },
];
const QUESTION = [{ role: 'user' as const, content: 'how does a gateway count?' }];
const ACCOUNT = { tenantId: 't', tenantName: 'T', clientKeyId: 'k', keyTerms: UNRESTRICTED, quotas: [] };
const aRequestId: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/);
const ANTHROPIC = { 'anthropic-version': '2026-10-21' };

let bench: RelayBench;
let authentication: Authentication;
let addresses: string[];

async function start(options: RelayBenchOptions = {}): Promise<void> {
  bench = await startRelayBench({
    authenticate: async (_key, address) => {
      addresses.push(address);
      return await Promise.resolve(authentication);
    },
    ...options,
    site: { models: MODELS, ...options.site },
  });
  bench.broker.keys = [{ keyId: 'a', endpointName: 'primary' }];
}

beforeEach(async () => {
  authentication = { account: ACCOUNT };
  addresses = [];
  await start();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  if (bench.faults.length > 0) throw new AggregateError(bench.faults, 'the gateway met faults of its own');
});

/** Another router than the one of every test. */
async function restart(options: RelayBenchOptions): Promise<void> {
  await bench[Symbol.asyncDispose]();
  await start(options);
}

const restrict = (terms: object): void => {
  authentication = { account: { ...ACCOUNT, keyTerms: { ...UNRESTRICTED, ...terms } } };
};
const openai = (): OpenAI => new OpenAI({ baseURL: `${bench.url}/v1`, apiKey: 'k', maxRetries: 0 });
const anthropic = (): Anthropic => new Anthropic({ baseURL: bench.url, apiKey: 'k', maxRetries: 0 });
const get = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  await fetch(bench.url + path, { headers });

describe('models', () => {
  test('OpenAI’s SDK lists them and finds one, also by an alias and with a slash in its name', async () => {
    const models = await Array.fromAsync(openai().models.list());
    expect(models.map(({ id }) => id)).toEqual(MODELS.map(({ id }) => id));
    expect(await openai().models.retrieve('claude-haiku-4-5')).toMatchObject({ id: MODEL, object: 'model' });
    expect(await openai().models.retrieve('vendor/model-b')).toMatchObject({ id: 'vendor/model-b' });
    await expect(openai().models.retrieve('gpt-0')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  });

  test('Anthropic’s SDK walks through the pages in both directions', async () => {
    const models = await Array.fromAsync(anthropic().models.list({ limit: 2 }));
    expect(models.map(({ id }) => id)).toEqual(MODELS.map(({ id }) => id));
    expect(models[0]).toMatchObject({ type: 'model', display_name: 'Haiku', max_input_tokens: 200_000 });
    const before = await anthropic().models.list({ before_id: 'model-c', limit: 1 });
    expect(before.data.map(({ id }) => id)).toEqual(['vendor/model-b']);
    expect(before.has_more).toBe(true);
    expect(await anthropic().models.retrieve('claude-haiku-4-5')).toMatchObject({ id: MODEL });
    await expect(anthropic().models.retrieve('x')).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    await expect(anthropic().models.list({ after_id: 'x' })).rejects.toBeInstanceOf(Anthropic.BadRequestError);
  });

  test.each(['/v1/models', '/models', '/v1/models?beta=true'])(
    'are at %s in the dialect of the headers',
    async (path) => {
      const first = await get(path);
      expect(first.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(await first.json()).toMatchObject({ object: 'list', data: [{ object: 'model' }, {}, {}] });
      const second = await get(path, ANTHROPIC);
      expect(second.headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(await second.json()).toMatchObject({ data: [{ type: 'model' }, {}, {}], has_more: false });
    },
  );

  test('a key sees those that it may use, and needs the scope and the site', async () => {
    restrict({ scopes: ['models'], sites: ['site'], allowedModels: ['model-c'] });
    expect(await (await get('/v1/models')).json()).toMatchObject({ data: [{ id: 'model-c' }] });
    expect((await get(`/v1/models/${MODEL}`)).status).toBe(404);
    restrict({ scopes: ['inference'] });
    await expect(openai().models.list()).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
    await expect(anthropic().models.list()).rejects.toThrow(/no scope \\"models\\"/);
    restrict({ sites: ['other'] });
    await expect(anthropic().models.list()).rejects.toBeInstanceOf(Anthropic.PermissionDeniedError);
    authentication = { refused: 'unknown' };
    await expect(openai().models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    await expect(anthropic().models.retrieve(MODEL)).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
  });
});

describe('counting tokens', () => {
  const count = async (): Promise<unknown> =>
    await anthropic().messages.countTokens({ model: 'claude-haiku-4-5', messages: QUESTION });

  test('is asked of the upstream by a lease, under its name of the model, and is in no book', async () => {
    bench.fake.setFault({ answer: { tokens: { input: 77 } } });
    expect(await count()).toMatchObject({ input_tokens: 77 });
    const [book] = bench.fake.books();
    expect(book).toMatchObject({ path: '/primary/v1/messages/count_tokens', key: 'secret-of-a' });
    expect(JSON.parse(bench.fake.requestBody('last')?.toString() ?? '')).toEqual({
      model: 'haiku-upstream',
      messages: QUESTION,
    });
    expect(bench.broker.causes).toEqual(['success']);
    expect(bench.broker.granted.map(({ released }) => released)).toEqual([[0]]);
    expect(bench.broker.wishes).toMatchObject([{ tokens: 0, model: 'haiku-upstream' }]);
    expect(bench.outbox.requests).toEqual([]);
    expect(bench.outbox.records).toEqual([]);
    expect(bench.counted).toEqual([200]);
  });

  test('is one of the account’s requests, of no tokens and no money', async () => {
    await count();
    expect(bench.allowances.wishes).toMatchObject([
      { account: ACCOUNT, tokens: 0, worstNanoUsd: 0, typicalNanoUsd: 0 },
    ]);
    expect(bench.allowances.settlements).toEqual([{ tokens: 0, costNanoUsd: 0, event: undefined }]);
    const quota = { name: 'q', kind: 'rate', ofKey: true, limits: { requests: 1 }, hard: true, bucket: '' } as const;
    bench.allowances.refusal = {
      reason: 'limit',
      quota: { ...quota, warnFromNanoUsd: undefined },
      dimension: 'requests',
      retryAfterMs: 3_000,
      affordable: 0,
    };
    await expect(count()).rejects.toBeInstanceOf(Anthropic.RateLimitError);
    expect(bench.fake.books()).toHaveLength(1);
  });

  test('goes to another key where one fails, and is also there without /v1', async () => {
    bench.broker.keys = ['a', 'b'].map((keyId) => ({ keyId, endpointName: 'primary' }));
    bench.fake.setFault({ match: { key: 'secret-of-a' }, fault: 401 });
    const response = await fetch(`${bench.url}/messages/count_tokens?beta=true`, {
      method: 'POST',
      body: JSON.stringify({ model: MODEL, messages: QUESTION }),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(bench.broker.causes).toEqual(['auth', 'success']);
  });

  test.each([
    ['an HTML page', 404, '<html>nothing here</html>'],
    ['nothing', 404, ''],
    ['a wrong method', 405, '{"detail":"Method Not Allowed"}'],
    ['a path that is not known', 404, '{"detail":"Not Found"}'],
  ])(
    'by an upstream that answers with %s is a 404 in the dialect, and no fault of the key',
    async (_, status, body) => {
      bench.fake.setFault({ fault: { kind: 'status', status, body } });
      await expect(count()).rejects.toBeInstanceOf(Anthropic.NotFoundError);
      expect(bench.fake.books()).toHaveLength(1);
      expect(bench.broker.causes).not.toContain('upstream_error');
      expect(bench.broker.granted.map(({ released }) => released)).toEqual([[0]]);
    },
  );

  test('needs the scope and the model', async () => {
    restrict({ scopes: ['models'] });
    await expect(count()).rejects.toBeInstanceOf(Anthropic.PermissionDeniedError);
    restrict({ allowedModels: ['model-c'] });
    await expect(count()).rejects.toBeInstanceOf(Anthropic.PermissionDeniedError);
    restrict({ scopes: ['inference'], allowedModels: [MODEL], sites: ['site'] });
    expect(await count()).toMatchObject({ input_tokens: 25 });
    expect(bench.fake.books()).toHaveLength(1);
  });

  test('ends with its client', async () => {
    bench.fake.setFault({ fault: 'silence' });
    const leaving = new AbortController();
    const counting = anthropic().messages.countTokens({ model: MODEL, messages: QUESTION }, { signal: leaving.signal });
    await expect.poll(() => bench.fake.books().length).toBe(1);
    leaving.abort();
    await expect(counting).rejects.toThrow(/aborted/);
    await expect.poll(() => bench.fake.books()[0]?.closedAtMs).not.toBeNull();
    await vi.waitFor(() => {
      expect(bench.counted).toEqual([499]);
    });
  });
});

test.each(['HEAD', 'GET'])('%s /api/hello says that somebody is there, without a key', async (method) => {
  authentication = { refused: 'unknown' };
  const response = await fetch(`${bench.url}/api/hello`, { method });
  expect([response.status, await response.text()]).toEqual([200, '']);
  expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  expect(addresses).toEqual([]);
});

describe('what is wrong with a request raises the class that its SDK has for it', () => {
  const chat = async (body: object = {}): Promise<unknown> =>
    await openai().chat.completions.create({ model: MODEL, messages: QUESTION, ...body });
  const message = async (body: object = {}): Promise<unknown> =>
    await anthropic().messages.create({ model: MODEL, max_tokens: 5, messages: QUESTION, ...body });

  test('a model that is missing, unknown or no text', async () => {
    await expect(chat({ model: undefined })).rejects.toThrow(OpenAI.BadRequestError);
    await expect(chat({ model: undefined })).rejects.toThrow(/set \\?"model\\?" to a string/);
    await expect(message({ model: 7 })).rejects.toThrow(Anthropic.BadRequestError);
    await expect(chat({ model: 'gpt-0' })).rejects.toThrow(OpenAI.NotFoundError);
    await expect(message({ model: 'gpt-0' })).rejects.toThrow(Anthropic.NotFoundError);
    await expect(message({ model: 'gpt-0' })).rejects.toThrow(/\/v1\/models lists those that do/);
  });

  test('a body that is too large', async () => {
    await restart({ site: { maxBodyBytes: 200 } });
    const long = { messages: [{ role: 'user', content: 'x'.repeat(500) }] };
    await expect(chat(long)).rejects.toMatchObject({ status: 413, code: 'request_too_large' });
    await expect(message(long)).rejects.toMatchObject({ status: 413, type: 'request_too_large' });
    await expect(message(long)).rejects.toThrow(/larger than 200 bytes/);
  });

  test('a compressed body', async () => {
    const headers = { 'content-encoding': 'gzip' };
    await expect(openai().post('/chat/completions', { body: {}, headers })).rejects.toMatchObject({
      status: 415,
      code: 'unsupported_encoding',
    });
    await expect(anthropic().post('/v1/messages', { body: {}, headers })).rejects.toThrow(/send it uncompressed/);
  });

  test('a wrong method and a path that is not there', async () => {
    await expect(openai().get('/chat/completions')).rejects.toMatchObject({ status: 405, code: 'method_not_allowed' });
    await expect(anthropic().get('/v1/messages')).rejects.toThrow(/takes POST, not GET/);
    await expect(anthropic().post('/v1/models')).rejects.toThrow(/takes GET, HEAD, not POST/);
    await expect(openai().post('/images/generations', { body: {} })).rejects.toThrow(OpenAI.NotFoundError);
    await expect(anthropic().post('/v1/files', { body: {} })).rejects.toThrow(Anthropic.NotFoundError);
  });

  test('too many headers', async () => {
    const headers = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`x-${index}`, 'y']));
    await expect(openai().models.list({ headers })).rejects.toMatchObject({ status: 431, code: 'headers_too_large' });
    await expect(anthropic().models.list({}, { headers })).rejects.toThrow(/more than 100 headers/);
  });

  test('no key, a wrong one, one that is closed: each with its request id where its SDK looks', async () => {
    authentication = { refused: 'unknown' };
    await expect(chat()).rejects.toThrow(OpenAI.AuthenticationError);
    await expect(message()).rejects.toThrow(Anthropic.AuthenticationError);
    const response = await fetch(`${bench.url}/v1/messages`, { method: 'POST', body: '{}' });
    expect(await response.text()).toContain('there is no API key: send it as');
    expect(response.headers.get('x-should-retry')).toBe('false');
    authentication = { account: ACCOUNT, refused: 'key_expired' };
    const [first, second] = await Promise.all(
      [chat(), message()].map(async (asking) => await asking.catch((error: unknown) => error)),
    );
    expect(first).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(first).toMatchObject({ requestID: aRequestId });
    expect(second).toBeInstanceOf(Anthropic.PermissionDeniedError);
    expect(second).toMatchObject({ requestID: aRequestId });
  });
});

describe('whose address counts', () => {
  const forwarded = { 'x-forwarded-for': '198.51.100.9, 203.0.113.5' };

  test('that of the socket, whatever the client says', async () => {
    await get('/v1/models', forwarded);
    expect(addresses).toEqual(['127.0.0.1']);
  });

  test('that which a trusted proxy has seen, and not what stands before it', async () => {
    await restart({ trustedProxies: ['127.0.0.0/8'] });
    await get('/v1/models', forwarded);
    await restart({ trustedProxies: ['10.0.0.0/8'] });
    await get('/v1/models', forwarded);
    expect(addresses).toEqual(['203.0.113.5', '127.0.0.1']);
  });
});

test('pages of allowed origins may read streams, too', async () => {
  await restart({ site: { corsOrigins: ['https://chat.example'] } });
  const response = await fetch(`${bench.url}/v1/messages`, {
    method: 'POST',
    headers: { origin: 'https://chat.example', 'x-api-key': 'k' },
    body: JSON.stringify({ model: MODEL, max_tokens: 5, stream: true, messages: QUESTION }),
  });
  expect(await response.text()).toContain('message_stop');
  expect(response.headers.get('access-control-allow-origin')).toBe('https://chat.example');
  expect(response.headers.get('access-control-expose-headers')).toContain('request-id');
});

describe('what the site adds to requests that go up', () => {
  test('is there, beside the credential and never instead of it', async () => {
    await restart({ site: { userAgent: 'omg-test/1', addHeaders: { 'x-team': 'gateway', 'anthropic-beta': 'b-1' } } });
    expect((await bench.ask('anthropic')).status).toBe(200);
    const [book] = bench.fake.books();
    expect(book?.key).toBe('secret-of-a');
    expect(Object.fromEntries(book?.requestHeaders ?? [])).toMatchObject({
      'user-agent': 'omg-test/1',
      'x-team': 'gateway',
      'anthropic-beta': 'b-1',
    });
  });
});

describe('proxies', () => {
  const proxy = { id: 'p', type: 'http', host: '127.0.0.1', port: 1 } as const;

  test('that a site does not use are not used, and not judged', async () => {
    await restart({ site: { proxies: 'none' } });
    bench.broker.keys = [{ keyId: 'a', endpointName: 'primary', proxy }];
    expect((await bench.ask('openai')).status).toBe(200);
    expect(bench.broker.granted[0]?.verdicts).toContainEqual(
      expect.objectContaining({ cause: 'success', direct: true }),
    );
    expect(bench.broker.granted[0]?.released).toHaveLength(1);
    expect(bench.outbox.records[0]?.attempts).toMatchObject([{ proxyId: '' }]);
  });

  test('that a site requires are waited for: nothing goes up directly', async () => {
    await restart({ site: { proxies: 'required' } });
    expect((await bench.ask('openai')).status).toBe(503);
    expect(bench.fake.books()).toEqual([]);
    expect(bench.broker.granted.map(({ verdicts, released }) => [verdicts, released])).toEqual([[[], [0]]]);
  });
});

test('open streams are counted until they end, whoever ends them', async () => {
  bench.fake.setFault({ answer: { tokens: { output: 1_000 }, paceMs: 20 } });
  const leaving = new AbortController();
  const asked = await Promise.all(
    [1, 2, 3].map(async () => await bench.ask('openai', { stream: true, signal: leaving.signal })),
  );
  expect(bench.openStreams.count).toBe(3);
  expect(bench.openStreams.within(3)).toBe(true);
  expect(bench.openStreams.within(2)).toBe('more than 2 streams are open');
  leaving.abort();
  await Promise.all(asked.map(async (response) => await response.text().catch(() => undefined)));
  await vi.waitFor(() => {
    expect(bench.openStreams.count).toBe(0);
  });
});

test('a client that leaves in the middle of its body is nobody’s fault', async () => {
  const leaving = httpRequest(`${bench.url}/v1/messages`, { method: 'POST', headers: { 'content-length': '1000' } });
  leaving.on('error', () => undefined);
  leaving.write('{"model"');
  await vi.waitFor(() => {
    expect(leaving.socket?.bytesWritten ?? 0).toBeGreaterThan(100);
  });
  leaving.destroy();
  expect((await bench.ask('openai')).status).toBe(200);
  expect(bench.openStreams.count).toBe(0);
});

test.each([{ 'content-length': '900000' }, { 'transfer-encoding': 'chunked' }])(
  'a stranger is refused before a large body is read: %j',
  async (headers) => {
    authentication = { refused: 'unknown' };
    const asking = httpRequest(`${bench.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': 'k', ...headers },
    });
    asking.on('error', () => undefined);
    asking.write('{"model"');
    expect(await once(asking, 'response')).toMatchObject([{ statusCode: 401 }]);
    expect(addresses).toHaveLength(1);
    expect(bench.refused).toMatchObject([{ dialect: 'anthropic', kind: 'invalid_key', status: 401 }]);
    asking.destroy();
  },
);

test('who may ask has a large body read, and what is closed to them said afterwards', async () => {
  const ask = async (): Promise<Response> =>
    await bench.ask('openai', { body: { messages: [{ role: 'user', content: 'x'.repeat(500_000) }] } });
  expect((await ask()).status).toBe(200);
  authentication = { account: ACCOUNT, refused: 'tenant_suspended' };
  expect((await ask()).status).toBe(403);
  expect(bench.refused).toMatchObject([{ account: ACCOUNT, kind: 'forbidden' }]);
});

test('a client that leaves while it is looked up whether its large body is wanted is nobody’s fault', async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Authentication>();
  await restart({
    authenticate: async () => {
      asked.resolve();
      return await answer.promise;
    },
  });
  const leaving = httpRequest(`${bench.url}/v1/messages`, { method: 'POST', headers: { 'content-length': '900000' } });
  leaving.on('error', () => undefined);
  leaving.write('{"model"');
  await asked.promise;
  leaving.destroy();
  await vi.waitFor(async () => {
    expect(await bench.connections()).toBe(0);
  });
  answer.resolve({ account: ACCOUNT });
  await vi.waitFor(() => {
    expect(bench.refused).toMatchObject([{ kind: 'bad_request' }]);
  });
  expect((await bench.ask('openai')).status).toBe(200);
});
