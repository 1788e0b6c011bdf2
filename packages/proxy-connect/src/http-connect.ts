import { request } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import type { ConnectTarget, ProxyAddress } from './proxy-address.ts';
import { ProxyError, type ProxyFault } from './proxy-error.ts';

/** Asks an HTTP proxy for a tunnel; what came behind its answer stays readable in the socket. */
export async function httpConnect(socket: Socket, proxy: ProxyAddress, { host, port }: ConnectTarget): Promise<void> {
  const authority = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  const { status, behind } = await new Promise<{ status: number; behind: Buffer }>((resolve, reject) => {
    request({
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, connection: 'keep-alive', ...authorization(proxy) },
      createConnection: () => socket,
    })
      .once('connect', ({ statusCode = 0 }, _socket, head: Buffer) => {
        resolve({ status: statusCode, behind: head });
      })
      .once('error', reject)
      .end();
  });
  if (status < 200 || status > 299) throw new ProxyError(faultOf(status), refusalText(status));
  if (behind.length > 0) socket.unshift(behind);
}

function authorization({ username, password }: ProxyAddress): Record<string, string> {
  if (username === undefined && password === undefined) return {};
  const credentials = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64');
  return { 'proxy-authorization': `Basic ${credentials}` };
}

function faultOf(status: number): ProxyFault {
  return [502, 503, 504].includes(status) ? 'target' : 'proxy';
}

function refusalText(status: number): string {
  if (faultOf(status) === 'target') return `the proxy cannot reach the target: it answered ${status}`;
  return status === 407
    ? 'the proxy refuses our credentials: it answered 407'
    : `the proxy refuses: it answered ${status}`;
}
