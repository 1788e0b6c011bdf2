import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { inspect } from 'node:util';
import { startFakeProxy, type FakeProxy } from '@omg/testkit';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { connectThrough, ProxyError, type ProxyAddress } from '../src/index.ts';
import { passOnTo, startRawServer, startTlsServer, trustTestAuthority, type RawServer } from './raw-server.ts';

const TYPES = ['http', 'https', 'socks5'] as const;
const USER = { username: 'somebody', password: 'a-s3cret:with-colon' };
const WAIT = { timeoutMs: 5_000 };

let stack: AsyncDisposableStack;
let fake: FakeProxy;
let front: RawServer;
let echo: RawServer;

beforeAll(trustTestAuthority);
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  fake = stack.use(await startFakeProxy({ users: [USER] }));
  front = stack.use(await startTlsServer(passOnTo(fake.port)));
  echo = stack.use(await startRawServer((socket) => void socket.pipe(socket)));
});
afterEach(async () => {
  await stack.disposeAsync();
});

function proxyOf(type: ProxyAddress['type'], change: Partial<ProxyAddress> = {}): ProxyAddress {
  const where = type === 'https' ? { host: 'localhost', port: front.port } : { host: fake.host, port: fake.port };
  return { id: 'p', type, ...where, ...USER, ...change };
}

async function failureOf(work: Promise<Socket>): Promise<ProxyError> {
  const outcome = await work.then(
    (socket) => socket.destroy(),
    (error: unknown) => error,
  );
  if (outcome instanceof ProxyError) return outcome;
  throw new Error(`no ProxyError: ${inspect(outcome)}`);
}

async function answerTo(socket: Socket, text: string): Promise<string> {
  const answer = once(socket, 'data');
  socket.write(text);
  return String(await answer);
}

describe.each(TYPES)('through a proxy of type %s', (type) => {
  test('bytes pass both ways, under the credentials, to a target that is named to the proxy', async () => {
    const socket = await connectThrough(proxyOf(type), { host: 'localhost', port: echo.port }, WAIT);
    expect(await answerTo(socket, 'ping')).toBe('ping');
    expect(fake.books()).toMatchObject([{ target: `localhost:${echo.port}`, user: USER.username, refused: null }]);
    socket.destroy();
    await vi.waitFor(() => expect(echo.open()).toBe(0));
  });

  test('an IPv6 target is reached, with and without brackets', async () => {
    await using six = await startRawServer((socket) => void socket.pipe(socket), '::1');
    for (const host of ['::1', '[::1]']) {
      const socket = await connectThrough(proxyOf(type), { host, port: six.port }, WAIT);
      expect(await answerTo(socket, 'ping')).toBe('ping');
      socket.destroy();
    }
  });

  test('TLS can be started on the connection', async () => {
    await using origin = await startTlsServer((socket) => void socket.pipe(socket));
    const tunnel = await connectThrough(proxyOf(type), { host: 'localhost', port: origin.port }, WAIT);
    const socket = connectTls({ socket: tunnel, servername: 'origin.test' });
    await once(socket, 'secureConnect');
    expect(await answerTo(socket, 'ping')).toBe('ping');
    socket.destroy();
  });

  test.each([
    ['a wrong password', { password: 'wr0ng-s3cret' }],
    ['a password that is too long for anybody', { password: 'l0ng-s3cret'.repeat(50) }],
  ])('%s is the proxy refusing us, and no part of the error holds credentials', async (_, change) => {
    const proxy = proxyOf(type, change);
    const error = await failureOf(connectThrough(proxy, { host: 'localhost', port: echo.port }, WAIT));
    expect(error.fault).toBe('proxy');
    expect(error.message).toContain('credentials');
    const basic = Buffer.from(`${USER.username}:${change.password}`).toString('base64').slice(0, 20);
    const all = inspect(error, { depth: 10, showHidden: true });
    for (const secret of ['s3cret', USER.username, basic]) expect(all).not.toContain(secret);
    expect(echo.accepted()).toBe(0);
  });

  test('a proxy that is gone is the proxy that failed', async () => {
    await fake.setState({ mode: 'dead' });
    expect(await failureOf(connectThrough(proxyOf(type), { host: 'localhost', port: echo.port }, WAIT))).toMatchObject({
      fault: 'proxy',
    });
  });

  test('a target that nobody listens at, or that has no address, is the target that failed', async () => {
    const { port } = echo;
    await echo[Symbol.asyncDispose]();
    for (const host of ['127.0.0.1', 'nowhere.invalid']) {
      expect(await failureOf(connectThrough(proxyOf(type), { host, port }, WAIT))).toMatchObject({ fault: 'target' });
    }
  });

  test('a proxy that never answers is given up at the deadline, and its connection closed', async () => {
    await using silent = await (type === 'https' ? startTlsServer : startRawServer)((socket) => void socket.resume());
    const proxy = proxyOf(type, { host: 'localhost', port: silent.port });
    const error = await failureOf(connectThrough(proxy, { host: 'localhost', port: 1 }, { timeoutMs: 150 }));
    expect(error).toMatchObject({ fault: 'proxy', message: 'the proxy did not connect us within 150 ms' });
    expect(silent.accepted()).toBe(1);
    await vi.waitFor(() => expect(silent.open()).toBe(0));
  });

  test('an abort ends it at once with its reason, and closes the connection', async () => {
    await using silent = await (type === 'https' ? startTlsServer : startRawServer)((socket) => void socket.resume());
    const proxy = proxyOf(type, { host: 'localhost', port: silent.port });
    const leaving = new AbortController();
    const connecting = connectThrough(proxy, { host: 'localhost', port: 1 }, { ...WAIT, signal: leaving.signal });
    await vi.waitFor(() => expect(silent.open()).toBe(1));
    leaving.abort(new Error('the client left'));
    await expect(connecting).rejects.toThrow('the client left');
    await vi.waitFor(() => expect(silent.open()).toBe(0));
  });

  test('neither the deadline nor an abort touches a connection that stands', async () => {
    const leaving = new AbortController();
    const target = { host: 'localhost', port: echo.port };
    const socket = await connectThrough(proxyOf(type), target, { timeoutMs: 300, signal: leaving.signal });
    leaving.abort();
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(await answerTo(socket, 'ping')).toBe('ping');
    socket.destroy();
  });

  test.each([
    ['closes', (socket: Socket) => void socket.end()],
    ['refuses and holds on', (socket: Socket) => void socket.write('HTTP/1.1 403 Forbidden\r\n\r\n')],
    ['breaks off', (socket: Socket) => void socket.destroy()],
    ['talks of something else', (socket: Socket) => void socket.write('220 mail.example.com ESMTP\r\n')],
    ['sends a head without an end', flood],
    ['stops in the middle', (socket: Socket) => void socket.end('HTTP/1.1 200 OK\r\nvia: pro')],
  ])('one that %s is the proxy that failed, and its connection is closed', async (_, serve) => {
    await using odd = await (type === 'https' ? startTlsServer : startRawServer)((socket) => {
      socket.once('data', () => {
        serve(socket);
      });
    });
    const proxy = proxyOf(type, { host: 'localhost', port: odd.port });
    const error = await failureOf(connectThrough(proxy, { host: 'localhost', port: echo.port }, WAIT));
    expect(error.fault).toBe('proxy');
    expect(error.message).not.toContain('within');
    await vi.waitFor(() => expect(odd.open()).toBe(0));
  });

  test('a host that is none is refused before anybody is asked', async () => {
    for (const host of ['a\r\nproxy-authorization: Basic eA==', 'a b', '', 'x'.repeat(256)]) {
      expect(await failureOf(connectThrough(proxyOf(type), { host, port: 80 }, WAIT))).toMatchObject({
        fault: 'target',
      });
    }
    expect(fake.stats().tunnels).toBe(0);
  });
});

test.each([
  [403, 'proxy'],
  [404, 'proxy'],
  [407, 'proxy'],
  [500, 'proxy'],
  [502, 'target'],
  [503, 'target'],
  [504, 'target'],
])('CONNECT answered with %i is the fault of: %s', async (httpStatus, fault) => {
  await fake.setState({ mode: 'refuse', httpStatus });
  const error = await failureOf(connectThrough(proxyOf('http'), { host: 'localhost', port: echo.port }, WAIT));
  expect(error.fault).toBe(fault);
  expect(error.message).toContain(String(httpStatus));
});

test.each([
  [1, 'proxy'],
  [2, 'proxy'],
  [3, 'target'],
  [4, 'target'],
  [5, 'target'],
  [6, 'target'],
  [7, 'proxy'],
  [8, 'proxy'],
  [99, 'proxy'],
])('SOCKS5 reply %i is the fault of: %s', async (socksReply, fault) => {
  await fake.setState({ mode: 'refuse', socksReply });
  const error = await failureOf(connectThrough(proxyOf('socks5'), { host: 'localhost', port: echo.port }, WAIT));
  expect(error.fault).toBe(fault);
});

test('an https proxy whose certificate is for another name, or by nobody we know, gets no request', async () => {
  const proxy = proxyOf('https', { host: '127.0.0.1' });
  const error = await failureOf(connectThrough(proxy, { host: 'localhost', port: echo.port }, WAIT));
  expect(error.fault).toBe('proxy');
  expect(error.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
  expect(fake.stats().tunnels).toBe(0);
});

test.each([
  ['http', () => ['HTTP/1.1 200 OK\r\nvia: somebody\r\n\r\nearly']],
  ['socks5', () => [Buffer.from([5, 0]), Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...Buffer.from('early')])]],
] as const)('what came behind the answer of a proxy of type %s is there for a late reader', async (type, answers) => {
  await using hasty = await startRawServer((socket) => {
    const left = [...answers()];
    socket.on('data', (bytes: Buffer) => {
      const answer = left.shift();
      socket.write(answer ?? bytes);
    });
  });
  const proxy: ProxyAddress = { id: 'p', type, host: '127.0.0.1', port: hasty.port };
  const socket = await connectThrough(proxy, { host: 'localhost', port: 1 }, WAIT);
  await new Promise((resolve) => setImmediate(resolve));
  let read = '';
  socket.on('data', (bytes: Buffer) => {
    read += bytes.toString();
  });
  await vi.waitFor(() => expect(read).toBe('early'));
  socket.write('later');
  await vi.waitFor(() => expect(read).toBe('earlylater'));
  socket.destroy();
});

test('without credentials none are sent', async () => {
  await using open = await startFakeProxy();
  for (const type of ['http', 'socks5'] as const) {
    const proxy: ProxyAddress = { id: 'p', type, host: open.host, port: open.port };
    (await connectThrough(proxy, { host: 'localhost', port: echo.port }, WAIT)).destroy();
  }
  expect(open.books().map(({ user }) => user)).toEqual([null, null]);
});

function flood(socket: Socket): void {
  const line = `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}`;
  const more = (): void => {
    while (!socket.destroyed && socket.write(line));
  };
  socket.on('drain', more);
  more();
}
