import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { setDefaultCACertificates } from 'node:tls';
import type { ProxyAddress } from '@omg/proxy-connect';
import { startFakeProxy, startFakeUpstream, type FakeProxy, type FakeUpstream } from '@omg/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { KeyTest } from '../src/app/upstream-ports.ts';
import { checkProxy, checkTargetOf } from '../src/clients/check-proxy.ts';
import { testKey } from '../src/clients/test-key.ts';
import { PROVIDER_REGISTRY, type ProviderSpec } from '../src/domain/provider-registry.ts';

const USER = { username: 'somebody', password: 'pr0xy-s3cret' };
const SECRET = 'up-s3cret-0123456789';
const WAYS = ['directly', 'http', 'socks5'] as const;

let stack: AsyncDisposableStack;
let fake: FakeUpstream;
let proxy: FakeProxy;
const signal = new AbortController().signal;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  fake = stack.use(await startFakeUpstream());
  proxy = stack.use(await startFakeProxy({ name: 'proxy-1', users: [USER], announceTo: [fake.adminUrl] }));
});
afterEach(async () => {
  await stack.disposeAsync();
});

function through(way: (typeof WAYS)[number], change: Partial<ProxyAddress> = {}): ProxyAddress {
  return {
    id: 'p',
    type: way === 'socks5' ? 'socks5' : 'http',
    host: proxy.host,
    port: proxy.port,
    ...USER,
    ...change,
  };
}

function testOf(change: Partial<KeyTest> = {}): KeyTest {
  return { provider: specOf(), endpoint: 'primary', secret: SECRET, model: 'gpt-5', proxy: undefined, ...change };
}

function specOf(change: Partial<ProviderSpec> = {}): ProviderSpec {
  const paths = { chatCompletionsPath: '/v1/chat/completions', messagesPath: '/v1/messages' };
  const backup = { baseUrl: `${fake.url}/backup`, ...paths, chatCompletionsPath: '/chat/completions' };
  return {
    name: 'fake',
    primary: { baseUrl: `${fake.url}/base`, ...paths },
    backup,
    keyFormat: /./,
    causeOverrides: [],
    proxies: 'allowed',
    http2: false,
    ...change,
  };
}

describe('a check of a proxy', () => {
  test('tells whether the provider can be reached through it, and asks the provider nothing', async () => {
    for (const way of ['http', 'socks5'] as const) {
      const { latencyMs, ...check } = await checkProxy(through(way), checkTargetOf(specOf()), { timeoutMs: 2_000 });
      expect(check).toEqual({ ok: true, message: '' });
      expect(latencyMs).toBeGreaterThanOrEqual(0);
    }
    expect(fake.stats().requests).toBe(0);
    await vi.waitFor(() => expect(proxy.stats()).toMatchObject({ established: 2, open: 0 }));
  });

  test('tells who failed, without the credentials', async () => {
    const check = async (change: Partial<ProxyAddress>): Promise<unknown> =>
      await checkProxy(through('http', change), checkTargetOf(specOf()), { timeoutMs: 2_000 });
    expect(await check({ password: 'wr0ng-s3cret' })).toMatchObject({ ok: false, fault: 'proxy' });
    expect(JSON.stringify(await check({ password: 'wr0ng-s3cret' }))).not.toContain('s3cret');
    await fake[Symbol.asyncDispose]();
    expect(await check({})).toMatchObject({ ok: false, fault: 'target' });
    await proxy.setState({ mode: 'stall' });
    const slow = await checkProxy(through('socks5'), { host: 'localhost', port: 1 }, { timeoutMs: 100 });
    expect(slow).toMatchObject({ ok: false, fault: 'proxy' });
    expect(slow.latencyMs).toBeGreaterThanOrEqual(95);
  });

  test('that is not wanted any more throws the reason', async () => {
    await proxy.setState({ mode: 'stall' });
    const work = checkProxy(through('http'), checkTargetOf(specOf()), {
      timeoutMs: 2_000,
      signal: AbortSignal.abort(new Error('stopped')),
    });
    await expect(work).rejects.toThrow('stopped');
  });

  test('goes to where the provider is', () => {
    expect(PROVIDER_REGISTRY.map(checkTargetOf)).toEqual([
      { host: 'apic1.ohmycdn.com', port: 443 },
      { host: 'llm-proxy.app.all-hands.dev', port: 443 },
    ]);
    expect(checkTargetOf(specOf())).toEqual({ host: fake.host, port: fake.port });
  });
});

describe.each(WAYS)('a test of a key, %s', (way) => {
  const byWay = (): ProxyAddress | undefined => (way === 'directly' ? undefined : through(way));

  test.each([
    ['gpt-5', 'primary', '/base/v1/chat/completions', 'authorization'],
    ['gpt-5', 'backup', '/backup/chat/completions', 'authorization'],
    ['claude-sonnet-4-5', 'primary', '/base/v1/messages', 'x-api-key'],
  ] as const)('with %s at the %s endpoint is one small request', async (model, endpoint, path, keyHeader) => {
    const result = await testKey(testOf({ model, endpoint, proxy: byWay() }), { signal });
    expect(result).toMatchObject({ ok: true, status: 200, cause: 'success', message: '' });
    const name = way === 'directly' ? 'direct' : 'proxy-1';
    expect(fake.books()).toMatchObject([{ path, key: SECRET, keyHeader, model, stream: false, proxy: name }]);
    expect(fake.bookById('last')?.delivered.output).toBe(1);
    await vi.waitFor(() => expect(proxy.stats().open).toBe(0));
  });

  test('that gets no answer in time ends, and so does its connection', async () => {
    fake.setFault({ fault: 'silence' });
    const result = await testKey(testOf({ proxy: byWay() }), { signal, timeoutMs: 200 });
    expect(result).toMatchObject({ ok: false, status: 0, cause: 'timeout', message: 'no answer within 200 ms' });
    await vi.waitFor(() => expect(fake.stats().open).toBe(0));
    await vi.waitFor(() => expect(proxy.stats().open).toBe(0));
  });

  test('that is cut off is a failed connection', async () => {
    fake.setFault([
      { fault: 'reset', once: true },
      { fault: { kind: 'cut', how: 'fin' }, once: true },
    ]);
    for (let count = 0; count < 2; count += 1) {
      expect(await testKey(testOf({ proxy: byWay() }), { signal })).toMatchObject({ status: 0, cause: 'connection' });
    }
    const test2 = testOf({ proxy: byWay() });
    await fake[Symbol.asyncDispose]();
    expect(await testKey(test2, { signal })).toMatchObject({ ok: false, status: 0, cause: 'connection' });
  });

  test('that nobody waits for any more ends at once with the reason', async () => {
    fake.setFault({ fault: 'silence' });
    const leaving = new AbortController();
    const testing = testKey(testOf({ proxy: byWay() }), { signal: leaving.signal });
    await vi.waitFor(() => expect(fake.stats().open).toBe(1));
    leaving.abort(new Error('the operator left'));
    await expect(testing).rejects.toThrow('the operator left');
    await vi.waitFor(() => expect(fake.stats().open).toBe(0));
  });
});

test('a provider behind TLS is spoken to by its name, through a proxy too', async () => {
  const pem = (name: string): Buffer =>
    readFileSync(new URL(`../../../packages/proxy-connect/tests/tls/${name}`, import.meta.url));
  setDefaultCACertificates([pem('ca.pem')]);
  const asked: unknown[] = [];
  const server = createServer({ cert: pem('server.pem'), key: pem('server.key') }, (request, response) => {
    const servername = 'servername' in request.socket ? request.socket.servername : undefined;
    asked.push({ servername, host: request.headers.host });
    response.end('{"choices":[]}');
  });
  stack.defer(() => {
    server.close();
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  const of = (host: string): ProviderSpec => {
    const { primary } = specOf();
    return specOf({ primary: { ...primary, baseUrl: `https://${host}:${port}` } });
  };
  for (const by of [undefined, through('http'), through('socks5')]) {
    expect(await testKey(testOf({ provider: of('localhost'), proxy: by }), { signal })).toMatchObject({ ok: true });
    const stranger = testOf({ provider: of('127.0.0.1'), proxy: by });
    expect(await testKey(stranger, { signal })).toMatchObject({ ok: false, status: 0, cause: 'connection' });
  }
  expect(asked).toEqual(Array.from({ length: 3 }, () => ({ servername: 'localhost', host: `localhost:${port}` })));
});

describe('what a test of a key finds', () => {
  test.each([
    ['openai-invalid-api-key', 'auth', 401],
    ['openai-insufficient-quota', 'quota', 429],
    ['openai-rate-limit', 'rate_limited', 429],
    ['openai-model-not-found', 'request_fault', 404],
    ['litellm-budget-exceeded-429', 'quota', 429],
    ['html-403', 'unattributed_403', 403],
  ] as const)('%s is %s', async (name, cause, status) => {
    fake.setFault({ fault: { kind: 'error', name } });
    const result = await testKey(testOf(), { signal });
    expect(result).toMatchObject({ ok: false, cause, status });
    expect(result.message).toMatch(new RegExp(`^the upstream answered ${status}: .`));
    expect(result.message).not.toContain('s3cret');
  });

  test('is by the provider’s own rules first', async () => {
    fake.setFault({ fault: { kind: 'status', status: 418, body: { error: { message: 'Out of Tea' } } } });
    const provider = specOf({ causeOverrides: [{ status: 418, text: 'out of tea', cause: 'quota' }] });
    expect(await testKey(testOf({ provider }), { signal })).toMatchObject({ cause: 'quota' });
  });

  test('an error inside a 200 is none the less one', async () => {
    fake.setFault({ fault: { kind: 'error-event', error: { type: 'insufficient_quota', message: 'no money' } } });
    expect(await testKey(testOf(), { signal })).toMatchObject({ ok: false, status: 200, cause: 'quota' });
  });

  test('neither the key nor the proxy’s credentials are in its words', async () => {
    const message = `no: ${SECRET}, ${SECRET.slice(0, 6)}****, ${USER.username}:${USER.password}, ${'x'.repeat(2_000)}`;
    fake.setFault({ fault: { kind: 'status', status: 400, body: { error: { message } } } });
    const result = await testKey(testOf({ proxy: through('http') }), { signal });
    expect(result.message).toMatch(/^the upstream answered 400: no: /);
    for (const secret of ['s3cret', 'up-s3', USER.username]) expect(result.message).not.toContain(secret);
    expect(result.message.length).toBeLessThanOrEqual(512);
  });

  test('is asked for again with the newer name of the limit where the older one is refused', async () => {
    const message = "Unsupported parameter: 'max_tokens' is not supported with this model.";
    const error = { message, type: 'invalid_request_error', param: 'max_tokens', code: 'unsupported_parameter' };
    fake.setFault({ fault: { kind: 'status', status: 400, body: { error } }, once: true });
    expect(await testKey(testOf(), { signal })).toMatchObject({ ok: true, status: 200 });
    const sent = fake.books().map(({ id }): unknown => JSON.parse(String(fake.requestBody(id))));
    expect(sent).toMatchObject([{ max_tokens: 1 }, { max_completion_tokens: 16 }]);
    expect(sent[1]).not.toHaveProperty('max_tokens');
  });

  test('a proxy that refuses, or is gone, is no finding about the key', async () => {
    const refused = await testKey(testOf({ proxy: through('http', { password: 'wr0ng-s3cret' }) }), { signal });
    expect(refused).toMatchObject({ ok: false, status: 0, cause: 'proxy_error' });
    expect(refused.message).not.toContain('s3cret');
    await proxy.setState({ mode: 'dead' });
    expect(await testKey(testOf({ proxy: through('socks5') }), { signal })).toMatchObject({ cause: 'proxy_error' });
    expect(fake.stats().requests).toBe(0);
  });

  test('a secret that cannot be a header leaves no connection behind', async () => {
    const result = await testKey(testOf({ secret: 'with\nnewline', proxy: through('http') }), { signal });
    expect(result).toMatchObject({ ok: false, status: 0 });
    expect(result.message).not.toContain('newline');
    await vi.waitFor(() => expect(proxy.stats().open).toBe(0));
  });
});
