import type { Socket } from 'node:net';
import { SocksClient } from 'socks';
import type { ConnectTarget, ProxyAddress } from './proxy-address.ts';
import { ProxyError } from './proxy-error.ts';

const MAX_CREDENTIAL_BYTES = 255;

/** What of the library's words says who is at fault; all others: the proxy. */
const TARGET_REPLIES = ['NetworkUnreachable', 'HostUnreachable', 'ConnectionRefused', 'TTLExpired'];
const CREDENTIAL_WORDS = ['Authentication failed', 'no accepted authentication type'];

/** Asks a SOCKS5 proxy for a tunnel; what came behind its answer stays readable in the socket. */
export async function socksConnect(
  socket: Socket,
  proxy: ProxyAddress,
  target: ConnectTarget,
  timeoutMs: number,
): Promise<void> {
  const { username: userId = '', password = '' } = proxy;
  // the library would throw where nobody can catch it
  if ([userId, password].some((text) => Buffer.byteLength(text) > MAX_CREDENTIAL_BYTES)) {
    throw new ProxyError('proxy', 'the credentials are longer than SOCKS5 allows');
  }
  const early: Buffer[] = [];
  const keepEarly = (bytes: Buffer): void => void early.push(bytes);
  try {
    const { remoteHost } = await SocksClient.createConnection({
      command: 'connect',
      destination: target,
      proxy: { type: 5, host: proxy.host, port: proxy.port, userId, password },
      existing_socket: socket,
      // its timer holds the socket until it is over, though nobody waits for it any more
      timeout: timeoutMs,
    });
    if (remoteHost === undefined) throw new ProxyError('proxy', 'the proxy does not speak SOCKS5');
    // the library emits what came behind the answer in the next turn, and lets the socket flow
    socket.on('data', keepEarly);
    await new Promise((resolve) => setImmediate(resolve));
    // neither flowing nor paused, as if nobody had read yet: the next reader starts it
    Object.assign(socket, { readableFlowing: null });
  } catch (error) {
    // the library's error holds the credentials: it must not become a cause
    throw error instanceof ProxyError ? error : refusal(error instanceof Error ? error.message : '');
  } finally {
    socket.off('data', keepEarly);
  }
  if (early.length > 0) socket.unshift(Buffer.concat(early));
}

function refusal(words: string): ProxyError {
  const reply = TARGET_REPLIES.find((name) => words.endsWith(name));
  if (reply !== undefined) return new ProxyError('target', `the proxy cannot reach the target: ${reply}`);
  if (CREDENTIAL_WORDS.some((text) => words.includes(text))) {
    return new ProxyError('proxy', 'the proxy refuses our credentials');
  }
  const rejected = / rejected connection - (\w+)$/.exec(words)?.[1];
  return rejected === undefined
    ? new ProxyError('proxy', 'the proxy broke off or does not speak SOCKS5')
    : new ProxyError('proxy', `the proxy refuses: ${rejected}`);
}
