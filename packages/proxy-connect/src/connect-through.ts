import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { httpConnect } from './http-connect.ts';
import type { ConnectTarget, ProxyAddress } from './proxy-address.ts';
import { ProxyError } from './proxy-error.ts';
import { socksConnect } from './socks-connect.ts';

const KEEP_ALIVE_AFTER_MS = 60_000;

export interface ConnectOptions {
  /** For all of it: the connection to the proxy, its TLS, and its answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

const handshakes: Readonly<
  Record<
    ProxyAddress['type'],
    (socket: Socket, proxy: ProxyAddress, target: ConnectTarget, timeoutMs: number) => Promise<void>
  >
> = { http: httpConnect, https: httpConnect, socks5: socksConnect };

/**
 * A TCP connection to the target through the proxy, on which the caller may start TLS. An error on it that nobody
 * listens to only closes it.
 *
 * Throws a ProxyError, or the signal's reason.
 */
export async function connectThrough(
  proxy: ProxyAddress,
  target: ConnectTarget,
  { timeoutMs, signal }: ConnectOptions,
): Promise<Socket> {
  signal?.throwIfAborted();
  const to = { host: withoutBrackets(target.host), port: target.port };
  // what would end the line of a CONNECT, or is longer than a name in SOCKS5 can be
  if (!/^[\x21-\x7e]{1,255}$/.test(to.host)) throw new ProxyError('target', 'the target has no valid host name');

  const socket = openSocket(proxy);
  socket.on('error', () => undefined);
  const slow = setTimeout(() => {
    socket.destroy(new ProxyError('proxy', `the proxy did not connect us within ${timeoutMs} ms`));
  }, timeoutMs);
  const abandon = (): void => {
    socket.destroy(new Error('abandoned'));
  };
  signal?.addEventListener('abort', abandon, { once: true });
  try {
    await once(socket, proxy.type === 'https' ? 'secureConnect' : 'connect');
    await handshakes[proxy.type](socket, proxy, to, timeoutMs);
    signal?.throwIfAborted();
    if (socket.destroyed) throw new ProxyError('proxy', 'the proxy closed the connection');
    return socket;
  } catch (error) {
    socket.destroy();
    signal?.throwIfAborted();
    throw toProxyError(socket.errored ?? error);
  } finally {
    clearTimeout(slow);
    signal?.removeEventListener('abort', abandon);
  }
}

function openSocket({ type, host, port }: ProxyAddress): Socket {
  const name = withoutBrackets(host);
  const options = { host: name, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS };
  if (type !== 'https') return connect(options);
  const socket = connectTls({
    ...options,
    ALPNProtocols: ['http/1.1'],
    ...(isIP(name) === 0 ? { servername: name } : {}),
  });
  // TLS knows these options only for sockets that it is given
  return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
}

function toProxyError(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return new ProxyError('proxy', `the connection to the proxy failed: ${code}`, error);
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
