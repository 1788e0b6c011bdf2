import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { readExactly } from '../src/fake-proxy/socks5.ts';

export interface SocksRoute {
  readonly proxyPort: number;
  readonly host: string;
  readonly port: number;
  readonly user?: { readonly username: string; readonly password: string };
  readonly command?: number;
}

/** A tunnel through the proxy, or at which step and with which code it was refused. */
export async function socksConnect(route: SocksRoute): Promise<Socket | string> {
  const { proxyPort, host, port, user, command = 1 } = route;
  const socket = connect({ host: '127.0.0.1', port: proxyPort, signal: AbortSignal.timeout(5_000) });
  await once(socket, 'connect');
  socket.on('error', () => socket.destroy());
  socket.write(Buffer.from([5, 1, user === undefined ? 0 : 2]));
  const [, method] = await readExactly(socket, 2);
  if (method === 0xff) return 'method 255';
  if (user !== undefined) {
    const { username, password } = user;
    socket.write(Buffer.concat([Buffer.from([1]), sized(username), sized(password)]));
    const [, status] = await readExactly(socket, 2);
    if (status !== 0) return `credentials ${String(status)}`;
  }
  const address = Buffer.alloc(2);
  address.writeUInt16BE(port);
  socket.write(Buffer.concat([Buffer.from([5, command, 0, 3]), sized(host), address]));
  const [, reply] = await readExactly(socket, 10);
  return reply === 0 ? socket : `reply ${String(reply)}`;
}

function sized(text: string): Buffer {
  return Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);
}
