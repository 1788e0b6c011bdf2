import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

import { ProxyAgent, request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { listen } from '../src/fake-common/listen.ts';
import { createFakeProxyAdmin } from '../src/fake-proxy/fake-proxy-admin.ts';
import type { FakeProxyAdmin } from '../src/fake-proxy/fake-proxy-admin.ts';
import { startFakeProxy } from '../src/fake-proxy/fake-proxy.ts';
import type { FakeProxy } from '../src/fake-proxy/fake-proxy.ts';
import { createFakeAdmin } from '../src/fake-upstream/fake-admin.ts';
import { startFakeUpstream } from '../src/fake-upstream/fake-upstream.ts';
import type { FakeUpstream } from '../src/fake-upstream/fake-upstream.ts';
import { startProcess } from './fake-process.ts';
import { postText, send, sendBytes, until } from './raw-http.ts';
import { socksConnect } from './socks-client.ts';

const USER = { username: 'user', password: 'se:cret' };
const CHAT = { model: 'model-1', messages: [], stream: true };

let upstream: FakeUpstream;
let proxy: FakeProxy;
let guarded: FakeProxy;
let admin: FakeProxyAdmin;
const agents: ProxyAgent[] = [];

beforeAll(async () => {
  upstream = await startFakeUpstream();
  proxy = await startFakeProxy({ name: 'proxy-a', announceTo: [upstream.adminUrl] });
  guarded = await startFakeProxy({ name: 'proxy-b', users: [USER], announceTo: [upstream.adminUrl] });
  admin = createFakeProxyAdmin(proxy.adminUrl);
});
afterAll(async () => {
  await Promise.all([upstream, proxy, guarded].map(async (fake) => await fake[Symbol.asyncDispose]()));
});
beforeEach(async () => {
  await until(
    () => [proxy.stats().open, guarded.stats().open, upstream.stats().connections.open],
    (open) => open.every((count) => count === 0),
  );
  upstream.clearBooks();
  upstream.clearFaults();
  proxy.clearBooks();
  guarded.clearBooks();
});
afterEach(async () => {
  await Promise.all(agents.splice(0).map(async (agent) => await agent.destroy()));
  await proxy.setState({});
});

interface Via {
  readonly to?: FakeProxy;
  /** CONNECT, or the request in absolute form. */
  readonly tunnel?: boolean;
  readonly user?: { readonly username: string; readonly password: string };
}

function agentFor({ to = proxy, tunnel = true, user }: Via): ProxyAgent {
  const agent = new ProxyAgent({
    uri: to.url,
    proxyTunnel: tunnel,
    ...(user === undefined
      ? {}
      : { token: `Basic ${Buffer.from(`${user.username}:${user.password}`).toString('base64')}` }),
  });
  agents.push(agent);
  return agent;
}

async function ask(via: Via = {}, dispatcher = agentFor(via)): Promise<{ status: number; text: string }> {
  const answer = await request(`${upstream.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer key-1' },
    body: JSON.stringify(CHAT),
    dispatcher,
    signal: AbortSignal.timeout(5_000),
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

async function tunnelTo(port: number): Promise<Socket> {
  const socket = await socksConnect({ proxyPort: proxy.port, host: '127.0.0.1', port });
  if (typeof socket === 'string') throw new Error(socket);
  return socket;
}

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return `${String(error)} ${JSON.stringify(cause)}`;
  }
  return 'no failure';
}

function lastTunnel() {
  const entry = proxy.books().at(-1);
  if (entry === undefined) throw new Error('the books are empty');
  return entry;
}

describe.for([
  ['connect', true],
  ['forward', false],
] as const)('HTTP %s', ([kind, tunnel]) => {
  test('passes every byte, and the upstream knows the proxy by name', async () => {
    const { status, text } = await ask({ tunnel });
    expect(status).toBe(200);
    expect(text).toBe(upstream.body('last')?.toString());
    expect(upstream.bookById('last')).toMatchObject({ proxy: 'proxy-a', complete: true });
    expect(upstream.bookById('last')?.requestHeaders.map(([name]) => name.toLowerCase())).not.toContain(
      'proxy-connection',
    );
    expect(lastTunnel()).toMatchObject({ kind, target: `127.0.0.1:${upstream.port}`, user: null, refused: null });
    expect(lastTunnel().bytesDown).toBeGreaterThanOrEqual(text.length);
    expect(lastTunnel().bytesUp).toBeGreaterThanOrEqual(JSON.stringify(CHAT).length);
    expect(upstream.bookById('last')?.remote).toBe(`127.0.0.1:${lastTunnel().localPort}`);
  });

  test('lets in who gives the right name and password, and nobody else', async () => {
    expect((await ask({ to: guarded, tunnel, user: USER })).status).toBe(200);
    expect(guarded.books()[0]).toMatchObject({ user: 'user', refused: null });
    expect(upstream.bookById('last')?.proxy).toBe('proxy-b');
    for (const user of [undefined, { ...USER, password: 'wrong' }]) {
      const answer = ask({ to: guarded, tunnel, ...(user === undefined ? {} : { user }) });
      expect(await failure(answer)).toContain('407');
    }
    expect(guarded.stats().refused).toEqual({ credentials: 2 });
    expect(upstream.stats().requests).toBe(1);
  });

  test.for([403, 407, 502])('refuses with %i when told so, and recovers', async (httpStatus) => {
    await admin.setState({ mode: 'refuse', httpStatus });
    // undici turns every refused tunnel into an error, and a 407 on a forwarded request as well.
    if (tunnel || httpStatus === 407) expect(await failure(ask({ tunnel }))).toContain(String(httpStatus));
    else expect((await ask({ tunnel })).status).toBe(httpStatus);
    expect(lastTunnel()).toMatchObject({ refused: 'told to refuse', establishedAtMs: null });
    await admin.setState({});
    expect((await ask({ tunnel })).status).toBe(200);
  });

  test('a target that does not listen is a 502 and a reason', async () => {
    const server = createServer();
    const port = await listen(server, { what: 'nobody', host: '127.0.0.1', port: 0 });
    server.close();
    await once(server, 'close');
    const line = tunnel ? `CONNECT 127.0.0.1:${port} HTTP/1.1` : `GET http://127.0.0.1:${port}/ HTTP/1.1`;
    const seen = await sendBytes(proxy.port, `${line}\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect(seen.text).toMatch(/^HTTP\/1\.1 502 /);
    expect(lastTunnel().refused).toBe('connect ECONNREFUSED');
  });

  test('stalls: accepts and never answers', async () => {
    await admin.setState({ mode: 'stall' });
    const socket = connect({ host: '127.0.0.1', port: proxy.port });
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.length));
    const target = tunnel ? `CONNECT 127.0.0.1:${upstream.port}` : `GET ${upstream.url}/v1/models`;
    socket.write(`${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await until(
      () => proxy.books().at(-1)?.refused ?? null,
      (refused) => refused === 'stalled',
    );
    await admin.setState({});
    expect((await ask({ tunnel })).status).toBe(200);
    expect(received).toBe(0);
    socket.destroy();
    await until(
      () => proxy.stats().open,
      (open) => open === (tunnel ? 1 : 0),
    );
  });

  test('a client that leaves is gone at the upstream within milliseconds', async () => {
    upstream.setFault({ fault: 'silence' });
    const abort = new AbortController();
    const answer = request(`${upstream.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer key-1' },
      body: JSON.stringify(CHAT),
      dispatcher: agentFor({ tunnel }),
      signal: abort.signal,
    });
    const entry = await until(
      () => upstream.bookById('last'),
      (found) => found?.fault?.kind === 'silence',
    );
    const leftAtMs = performance.timeOrigin + performance.now();
    abort.abort();
    await failure(answer);
    await until(
      () => entry?.socketClosedAtMs ?? null,
      (at) => at !== null,
    );
    expect((entry?.socketClosedAtMs ?? 0) - leftAtMs).toBeLessThan(100);
    expect(entry?.clientAwayAtMs).not.toBeNull();
  });

  test('an answer that breaks off upstream breaks off at the client', async () => {
    for (const how of ['rst', 'fin'] as const) {
      upstream.clearFaults();
      upstream.setFault({ fault: { kind: 'cut', after: { tokens: 3 }, how } });
      expect(await failure(ask({ tunnel }))).not.toBe('no failure');
    }
  });

  test('delays the answer and the bytes as told', async () => {
    await admin.setState({ connectDelayMs: 60, chunkDelayMs: 30 });
    const started = performance.now();
    expect((await ask({ tunnel })).status).toBe(200);
    expect(performance.now() - started).toBeGreaterThanOrEqual(60 + 2 * 30 - 5);
  });
});

describe('SOCKS5', () => {
  test('tunnels by host name, and the upstream knows the proxy by name', async () => {
    const socket = await socksConnect({ proxyPort: proxy.port, host: 'localhost', port: upstream.port });
    if (typeof socket === 'string') throw new Error(socket);
    socket.write(postText('/v1/messages', { ...CHAT, stream: false }));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await until(
      () => Buffer.concat(chunks).toString(),
      (text) => text.includes('"stop_reason"'),
    );
    expect(upstream.bookById('last')).toMatchObject({ proxy: 'proxy-a', dialect: 'anthropic' });
    socket.end();
    await until(lastTunnel, ({ closedAtMs }) => closedAtMs !== null);
    expect(lastTunnel()).toMatchObject({ kind: 'socks5', target: `localhost:${upstream.port}`, refused: null });
    expect(lastTunnel().bytesDown).toBe(Buffer.concat(chunks).length);
  });

  test('asks for name and password where there are some', async () => {
    const route = { proxyPort: guarded.port, host: '127.0.0.1', port: upstream.port };
    const socket = await socksConnect({ ...route, user: USER });
    expect(socket).not.toBeTypeOf('string');
    if (typeof socket !== 'string') socket.destroy();
    expect(await socksConnect({ ...route, user: { ...USER, password: 'x' } })).toBe('credentials 1');
    expect(await socksConnect(route)).toBe('method 255');
    expect(guarded.books().map(({ user, refused }) => [user, refused])).toEqual([
      ['user', null],
      [null, 'credentials'],
      [null, 'credentials'],
    ]);
  });

  test('refuses with the code that it was told, and with those of the network', async () => {
    const route = { proxyPort: proxy.port, host: '127.0.0.1', port: upstream.port };
    await proxy.setState({ mode: 'refuse', socksReply: 2 });
    expect(await socksConnect(route)).toBe('reply 2');
    await proxy.setState({});
    expect(await socksConnect({ ...route, command: 2 })).toBe('reply 7');
    expect(await socksConnect({ ...route, port: 1 })).toBe('reply 5');
    expect(lastTunnel()).toMatchObject({ target: '127.0.0.1:1', refused: 'connect ECONNREFUSED' });
  });

  test('a handshake that breaks off is closed in the books', async () => {
    const socket = connect({ host: '127.0.0.1', port: proxy.port });
    socket.write(Buffer.from([5, 1]));
    await until(
      () => proxy.stats().open,
      (open) => open === 1,
    );
    socket.destroy();
    await until(lastTunnel, ({ closedAtMs }) => closedAtMs !== null);
    expect(proxy.stats().open).toBe(0);
  });
});

async function statusLine(text: string): Promise<string> {
  return (await sendBytes(proxy.port, text)).text.slice(0, 12);
}

describe('the whole proxy', () => {
  test('dies with its listener and all its tunnels, and comes back on the same port', async () => {
    const running = await tunnelTo(upstream.port);
    const closed = once(running, 'close');
    await admin.setState({ mode: 'dead' });
    await closed;
    expect(await failure(ask())).toContain('ECONNREFUSED');
    await until(
      () => upstream.stats().connections.open,
      (open) => open === 0,
    );
    await admin.setState({ mode: 'up' });
    expect((await ask()).status).toBe(200);
  });

  test('heals by itself after the given time', async () => {
    await proxy.setState({ mode: 'dead', forMs: 40 });
    await until(
      () => proxy.state().mode,
      (mode) => mode === 'up',
    );
    await expect.poll(async () => (await ask()).status).toBe(200);
  });

  test('holds the bytes of running tunnels, and lets them go again', async () => {
    const socket = await tunnelTo(upstream.port);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await admin.setState({ stallTunnels: true });
    socket.write(postText('/v1/chat/completions', CHAT));
    const other = await tunnelTo(upstream.port);
    other.destroy();
    expect(upstream.stats().requests).toBe(0);
    await admin.setState({});
    await until(
      () => Buffer.concat(chunks).toString(),
      (text) => text.includes('[DONE]'),
    );
    socket.destroy();
  });

  test('faults can be aimed at the requests of one proxy', async () => {
    upstream.setFault({ match: { proxy: 'proxy-a' }, fault: 'html-403' });
    expect((await ask()).status).toBe(403);
    expect((await ask({ to: guarded, user: USER })).status).toBe(200);
    const direct = await request(`${upstream.url}/v1/models`, { headers: { 'x-api-key': 'k' }, reset: true });
    await direct.body.dump();
    expect(direct.statusCode).toBe(200);
    expect(upstream.books().map((entry) => entry.proxy)).toEqual(['proxy-a', 'proxy-b', 'direct']);
    expect(upstream.stats().byProxy).toEqual({ 'proxy-a': 1, 'proxy-b': 1, direct: 1 });
  });

  test('many tunnels at once, each under its own name', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => await ask(index % 2 === 0 ? {} : { to: guarded, user: USER })),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(upstream.stats().byProxy).toEqual({ 'proxy-a': 20, 'proxy-b': 20 });
  });

  test('a large body passes both ways unharmed, against a reader that is slow', async () => {
    upstream.setFault({ answer: { tokens: { output: 400_000 }, deltas: 2_000 } });
    const socket = await tunnelTo(upstream.port);
    socket.write(postText('/v1/chat/completions', { ...CHAT, padding: 'x'.repeat(3_000_000) }));
    const entry = await until(
      () => upstream.bookById('last'),
      (found) => (found?.chunksSent ?? 0) > 5,
    );
    const chunks: Buffer[] = [];
    for await (const chunk of socket) {
      if (Buffer.isBuffer(chunk)) chunks.push(chunk);
      if (chunks.at(-1)?.includes('[DONE]') === true) break;
    }
    const sizeBytes = Buffer.concat(chunks).length;
    expect(entry).toMatchObject({ complete: true, delivered: { output: 400_000 } });
    expect(entry?.requestBytes).toBeGreaterThan(3_000_000);
    expect(sizeBytes).toBeGreaterThan(1_000_000);
  });

  test('bad requests are answered, not dropped', async () => {
    expect(await statusLine('GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).toBe('HTTP/1.1 400');
    expect(await statusLine('CONNECT nowhere HTTP/1.1\r\nhost: x\r\n\r\n')).toBe('HTTP/1.1 400');
    const state = await send(proxy.adminUrl, { path: '/state', body: { mode: 'away', stal: 1 } });
    expect([state.status, state.body.toString()]).toEqual([400, expect.stringMatching(/state\.mode.*stal/)]);
    expect(proxy.state().mode).toBe('up');
  });
});

test('the process announces itself to an upstream in another process, and ends cleanly', async () => {
  const other = await startProcess('fake-upstream');
  const through = await startProcess(
    'fake-proxy',
    '--name',
    'far',
    '--user',
    'user:se:cret',
    '--announce-to',
    other.ready.adminUrl,
  );
  const agent = new ProxyAgent({ uri: through.ready.url.replace('//', '//user:se%3Acret@'), proxyTunnel: true });
  agents.push(agent);
  const answer = await request(`${other.ready.url}/v1/models`, { headers: { 'x-api-key': 'k' }, dispatcher: agent });
  expect(answer.statusCode).toBe(200);
  await answer.body.dump();
  expect(await createFakeAdmin(other.ready.adminUrl).book('last')).toMatchObject({ proxy: 'far', key: 'k' });
  expect(await createFakeProxyAdmin(through.ready.adminUrl).books()).toMatchObject([{ kind: 'connect', user: 'user' }]);
  expect(await through.stop('SIGINT')).toBe(0);
  expect(await other.stop('SIGTERM')).toBe(0);
});
