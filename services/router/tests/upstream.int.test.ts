import type { ProxyAddress } from '@omg/proxy-connect';
import { startFakeProxy, startFakeUpstream, type FakeProxy, type FakeUpstream } from '@omg/testkit';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { UpstreamError, type UpstreamRequest, type UpstreamResponse } from '../src/app/upstream.ts';
import { UndiciUpstream } from '../src/clients/undici-upstream.ts';
import { startBlindProxy, startSilentOrigin, startTlsOrigin, trustTestAuthority } from './upstream-origins.ts';

const USERS = [
  { username: 'ann', password: 'of-ann' },
  { username: 'bob', password: 'of-bob' },
];
const WAYS = ['directly', 'http', 'socks5'] as const;

let stack: AsyncDisposableStack;
let fake: FakeUpstream;
let proxy: FakeProxy;
let upstream: UndiciUpstream;

beforeAll(trustTestAuthority);
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  fake = stack.use(await startFakeUpstream());
  proxy = stack.use(await startFakeProxy({ name: 'proxy-1', users: USERS, announceTo: [fake.adminUrl] }));
  upstream = stack.use(new UndiciUpstream({ connectTimeoutMs: () => 2_000 }));
});
afterEach(async () => {
  await stack.disposeAsync();
});

function through(way: (typeof WAYS)[number], change: Partial<ProxyAddress> = {}): ProxyAddress | undefined {
  if (way === 'directly') return undefined;
  return { id: 'p', type: way, host: proxy.host, port: proxy.port, ...USERS[0], ...change };
}

function requestOf(change: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    url: `${fake.url}/v1/chat/completions?a=b`,
    headers: ['authorization', 'Bearer key-1', 'content-type', 'application/json'],
    body: Buffer.from(JSON.stringify({ model: 'm', messages: [], stream: true })),
    proxy: undefined,
    http2: false,
    headersTimeoutMs: 5_000,
    idleTimeoutMs: 5_000,
    signal: new AbortController().signal,
    ...change,
  };
}

async function textOf({ body }: UpstreamResponse): Promise<string> {
  return Buffer.concat(await Array.fromAsync(body)).toString();
}

async function faultOf(work: Promise<unknown>): Promise<UpstreamError> {
  const outcome = await work.catch((error: unknown) => error);
  if (outcome instanceof UpstreamError) return outcome;
  throw new Error('no UpstreamError');
}

describe.each(WAYS)('%s', (way) => {
  test('the answer comes as the upstream sent it, over the way that was asked for', async () => {
    const response = await upstream.send(requestOf({ proxy: through(way) }));
    expect(response.status).toBe(200);
    expect(await textOf(response)).toBe(fake.body('last')?.toString());
    const proxyName = way === 'directly' ? 'direct' : 'proxy-1';
    expect(fake.books()).toMatchObject([{ proxy: proxyName, key: 'key-1', query: 'a=b', complete: true }]);
  });

  test('connections serve one request after the other, and 40 at once have one each', async () => {
    const request = requestOf({ proxy: through(way) });
    for (let count = 0; count < 10; count += 1) await textOf(await upstream.send(request));
    // a connection is free again a moment after the end of the answer was read
    expect(new Set(fake.books().map(({ connection }) => connection)).size).toBeLessThanOrEqual(2);
    fake.setFault({ fault: { kind: 'stall', after: { tokens: 1 }, forMs: 1_500 }, times: 40 });
    await Promise.all(Array.from({ length: 40 }, async () => await textOf(await upstream.send(request))));
    expect(fake.stats().maxOpen).toBe(40);
  });

  test('an abort in the middle of an answer closes the upstream socket within 100 ms', async () => {
    fake.setFault({ fault: { kind: 'stall', after: { tokens: 2 } } });
    const leaving = new AbortController();
    const response = await upstream.send(requestOf({ proxy: through(way), signal: leaving.signal }));
    const chunks = response.body[Symbol.asyncIterator]();
    await chunks.next();
    const atMs = Date.now();
    leaving.abort();
    expect(await faultOf(textOf({ ...response, body: { [Symbol.asyncIterator]: () => chunks } }))).toMatchObject({
      fault: 'aborted',
    });
    await vi.waitFor(() => expect(fake.bookById('last')?.clientAwayAtMs).not.toBeNull());
    expect((fake.bookById('last')?.clientAwayAtMs ?? Infinity) - atMs).toBeLessThan(100);
    await vi.waitFor(() => expect(proxy.stats().open).toBe(0));
  });

  test('an abort before the answer closes the upstream socket within 100 ms', async () => {
    fake.setFault({ fault: 'silence' });
    const leaving = new AbortController();
    const sending = faultOf(upstream.send(requestOf({ proxy: through(way), signal: leaving.signal })));
    await vi.waitFor(() => expect(fake.stats().open).toBe(1));
    const atMs = Date.now();
    leaving.abort();
    expect(await sending).toMatchObject({ fault: 'aborted' });
    await vi.waitFor(() => expect(fake.bookById('last')?.clientAwayAtMs).not.toBeNull());
    expect((fake.bookById('last')?.clientAwayAtMs ?? Infinity) - atMs).toBeLessThan(100);
  });

  test('who stops reading an answer closes its socket', async () => {
    fake.setFault({ fault: { kind: 'stall', after: { tokens: 2 } } });
    const { body } = await upstream.send(requestOf({ proxy: through(way) }));
    for await (const chunk of body) if (chunk.length > 0) break;
    await vi.waitFor(() => expect(fake.bookById('last')?.clientAwayAtMs).not.toBeNull());
  });

  test('no headers in time, and a pause in the body that is too long, are timeouts', async () => {
    const asked = { proxy: through(way), headersTimeoutMs: 300, idleTimeoutMs: 300 };
    fake.setFault([
      { fault: 'silence', once: true },
      { fault: { kind: 'stall', after: { tokens: 2 } }, once: true },
    ]);
    expect(await faultOf(upstream.send(requestOf(asked)))).toMatchObject({ fault: 'timeout' });
    const response = await upstream.send(requestOf(asked));
    expect(await faultOf(textOf(response))).toMatchObject({ fault: 'timeout' });
    await vi.waitFor(() => expect(fake.stats().open).toBe(0));
  });

  test('an upstream that breaks off is a reset, one that does not listen a failed connection', async () => {
    fake.setFault({ fault: 'reset', once: true });
    expect(await faultOf(upstream.send(requestOf({ proxy: through(way) })))).toMatchObject({ fault: 'reset' });
    const { url } = fake;
    await fake[Symbol.asyncDispose]();
    expect(await faultOf(upstream.send(requestOf({ url, proxy: through(way) })))).toMatchObject({ fault: 'connect' });
  });

  test('the end of the client ends what is open', async () => {
    fake.setFault({ fault: 'silence' });
    const sending = faultOf(upstream.send(requestOf({ proxy: through(way) })));
    await vi.waitFor(() => expect(fake.stats().open).toBe(1));
    await upstream[Symbol.asyncDispose]();
    expect(await sending).toMatchObject({ fault: 'reset' });
    await vi.waitFor(() => expect(fake.stats().open).toBe(0));
  });
});

describe('a proxy', () => {
  test.each([
    ['that is gone', { mode: 'dead' }, 'proxy'],
    ['that refuses our credentials', { mode: 'refuse', httpStatus: 407, socksReply: 2 }, 'proxy'],
    ['that cannot reach the upstream', { mode: 'refuse', httpStatus: 502, socksReply: 4 }, 'connect'],
    ['that never answers', { mode: 'stall' }, 'proxy'],
  ] as const)('%s fails with a fault of its own, and the next request goes well', async (_, state, fault) => {
    await using quick = new UndiciUpstream({ connectTimeoutMs: () => 300 });
    for (const way of ['http', 'socks5'] as const) {
      await proxy.setState(state);
      const error = await faultOf(quick.send(requestOf({ proxy: through(way) })));
      expect(error.fault).toBe(fault);
      expect(error.message).not.toContain('of-ann');
      expect(fake.stats().requests).toBe(way === 'http' ? 0 : 1);
      await proxy.setState({});
      await textOf(await quick.send(requestOf({ proxy: through(way) })));
    }
    await vi.waitFor(() => expect(fake.books()).toMatchObject([{ proxy: 'proxy-1' }, { proxy: 'proxy-1' }]));
  });

  test('that is changed under its id is used anew, each with its own connections', async () => {
    const [ann, bob] = USERS.map((user) => through('http', user));
    for (const change of [ann, bob, ann]) await textOf(await upstream.send(requestOf({ proxy: change })));
    expect(proxy.books().map(({ user }) => user)).toEqual(['ann', 'bob']);
    expect(fake.books().map(({ requestOnConnection }) => requestOnConnection)).toEqual([1, 1, 2]);
  });

  test('is never left out: what is open directly is not used for it', async () => {
    await textOf(await upstream.send(requestOf()));
    await textOf(await upstream.send(requestOf({ proxy: through('http') })));
    expect(fake.books().map((entry) => entry.proxy)).toEqual(['direct', 'proxy-1']);
  });

  test('that is slow keeps nobody: who leaves in the meantime leaves at once, and the others are served', async () => {
    await proxy.setState({ connectDelayMs: 400 });
    const leaving = new AbortController();
    const left = faultOf(upstream.send(requestOf({ proxy: through('http'), signal: leaving.signal })));
    const stays = upstream.send(requestOf({ proxy: through('http') }));
    await vi.waitFor(() => expect(proxy.stats().open).toBe(2));
    const atMs = performance.now();
    leaving.abort();
    expect(await left).toMatchObject({ fault: 'aborted' });
    expect(performance.now() - atMs).toBeLessThan(100);
    await textOf(await stays);
    await textOf(await upstream.send(requestOf({ proxy: through('http') })));
    expect(fake.stats().requests).toBe(2);
  });
});

describe('an upstream behind TLS', () => {
  test.each([
    [false, '1.1'],
    [true, '2.0'],
  ])('is named to the proxy and in TLS; HTTP/2 offered: %s', async (http2, version) => {
    await using origin = await startTlsOrigin();
    await using blind = await startBlindProxy(() => origin.port);
    const blindly: ProxyAddress = { id: 'b', type: 'http', host: '127.0.0.1', port: blind.port };
    for (const url of ['https://origin.test/a', 'https://origin.test:8443/b']) {
      const response = await upstream.send(requestOf({ url, proxy: blindly, http2 }));
      expect(JSON.parse(await textOf(response))).toEqual({ version, servername: 'origin.test' });
    }
    expect(blind.asked).toEqual(['origin.test:443', 'origin.test:8443']);
    const direct = await upstream.send(requestOf({ url: `https://localhost:${origin.port}/`, http2 }));
    expect(JSON.parse(await textOf(direct))).toEqual({ version, servername: 'localhost' });
  });

  test('over HTTP/2 requests share a connection, and one that is aborted leaves the others alone', async () => {
    await using origin = await startTlsOrigin();
    await using blind = await startBlindProxy(() => origin.port);
    const blindly: ProxyAddress = { id: 'b', type: 'http', host: '127.0.0.1', port: blind.port };
    const request = requestOf({ url: 'https://origin.test/a', proxy: blindly, http2: true, headersTimeoutMs: 500 });
    const leaving = new AbortController();
    const hanging = faultOf(upstream.send({ ...request, url: 'https://origin.test/hang', signal: leaving.signal }));
    const slow = faultOf(upstream.send({ ...request, url: 'https://origin.test/hang' }));
    await Promise.all(Array.from({ length: 20 }, async () => await textOf(await upstream.send(request))));
    leaving.abort();
    expect(await hanging).toMatchObject({ fault: 'aborted' });
    await textOf(await upstream.send(request));
    expect(await slow).toMatchObject({ fault: 'timeout' });
    await textOf(await upstream.send(request));
    expect(origin.accepted()).toBe(1);
  });

  test('over HTTP/2 as well an abort ends the stream at the upstream within 100 ms, and the connection serves on', async () => {
    await using origin = await startTlsOrigin();
    const url = `https://localhost:${origin.port}`;
    const request = requestOf({ url: `${url}/a`, http2: true });
    const leaving = new AbortController();
    const hanging = faultOf(upstream.send({ ...request, url: `${url}/hang`, signal: leaving.signal }));
    const { body } = await upstream.send({ ...request, url: `${url}/stream`, signal: leaving.signal });
    await body[Symbol.asyncIterator]().next();
    const stays = (await upstream.send({ ...request, url: `${url}/stream` })).body[Symbol.asyncIterator]();
    await stays.next();
    const leftAtMs = performance.now();
    leaving.abort();
    expect(await hanging).toMatchObject({ fault: 'aborted' });
    expect(await faultOf(Array.fromAsync(body))).toMatchObject({ fault: 'aborted' });
    await vi.waitFor(() => expect(origin.brokenOffAtMs).toHaveLength(2));
    for (const atMs of origin.brokenOffAtMs) expect(atMs - leftAtMs).toBeLessThan(100);
    expect(JSON.parse(await textOf(await upstream.send(request)))).toMatchObject({ version: '2.0' });
    expect((await stays.next()).done).toBe(false);
    expect(origin.accepted()).toBe(1);
    await stays.return?.();
    await vi.waitFor(() => expect(origin.brokenOffAtMs).toHaveLength(3));
  });

  test('with a certificate for another name gets no request', async () => {
    await using origin = await startTlsOrigin();
    for (const way of WAYS) {
      const error = await faultOf(
        upstream.send(requestOf({ url: `https://127.0.0.1:${origin.port}/`, proxy: through(way) })),
      );
      expect(error.fault).toBe('connect');
    }
  });

  test('that never says anything is given up with its tunnel when the time for connecting is over', async () => {
    await using silent = await startSilentOrigin();
    await using quick = new UndiciUpstream({ connectTimeoutMs: () => 300 });
    const url = `https://localhost:${silent.port}/`;
    for (const way of WAYS) {
      expect(await faultOf(quick.send(requestOf({ url, proxy: through(way) })))).toMatchObject({ fault: 'connect' });
    }
    expect(silent.accepted()).toBe(3);
    await vi.waitFor(() => expect(silent.open()).toBe(0));
  });

  test('that is being connected to is let go at the end', async () => {
    await using silent = await startSilentOrigin();
    const ending = new UndiciUpstream({ connectTimeoutMs: () => 60_000 });
    const url = `https://localhost:${silent.port}/`;
    const sending = faultOf(ending.send(requestOf({ url, proxy: through('http') })));
    await vi.waitFor(() => expect(silent.open()).toBe(1));
    await ending[Symbol.asyncDispose]();
    expect((await sending).fault).not.toBe('aborted');
    await vi.waitFor(() => expect(silent.open()).toBe(0));
  });
});

test('for who has left already nothing is opened', async () => {
  const error = await faultOf(upstream.send(requestOf({ proxy: through('http'), signal: AbortSignal.abort() })));
  expect(error.fault).toBe('aborted');
  await textOf(await upstream.send(requestOf({ proxy: through('http') })));
  expect(proxy.stats().tunnels).toBe(1);
});

describe('connections', () => {
  test('that nobody uses are closed', async () => {
    await using brief = new UndiciUpstream({ connectTimeoutMs: () => 2_000, keepAliveMs: 1_500 });
    await textOf(await brief.send(requestOf({ proxy: through('http') })));
    expect(proxy.stats().open).toBe(1);
    await vi.waitFor(() => expect(proxy.stats().open).toBe(0), { timeout: 5_000 });
  });

  test('of a pool that nobody uses are closed, after what runs on them', async () => {
    await using brief = new UndiciUpstream({ connectTimeoutMs: () => 2_000, idlePoolMs: 100 });
    fake.setFault({ fault: { kind: 'stall', after: { tokens: 2 }, forMs: 600 }, once: true });
    const running = await brief.send(requestOf({ proxy: through('http') }));
    await textOf(await brief.send(requestOf({ proxy: through('http') })));
    expect(proxy.stats().open).toBe(2);
    await vi.waitFor(() => expect(proxy.stats().open).toBe(1));
    expect(await textOf(running)).toContain('[DONE]');
    await vi.waitFor(() => expect(proxy.stats().open).toBe(0));
  });

  test('of the pool that was longest unused are closed where there would be too many, after what runs on them', async () => {
    await using few = new UndiciUpstream({ connectTimeoutMs: () => 2_000, maxPools: 2 });
    fake.setFault({ fault: { kind: 'stall', after: { tokens: 2 }, forMs: 600 }, once: true });
    const [ann, bob] = USERS.map((user) => through('http', user));
    const running = await few.send(requestOf({ proxy: ann }));
    await textOf(await few.send(requestOf({ proxy: bob })));
    await textOf(await few.send(requestOf()));
    expect(proxy.stats().open).toBe(2);
    expect(await textOf(running)).toContain('[DONE]');
    await vi.waitFor(() => expect(proxy.stats().open).toBe(1));
    await textOf(await few.send(requestOf({ proxy: bob })));
    expect(proxy.stats().tunnels).toBe(2);
  });
});
