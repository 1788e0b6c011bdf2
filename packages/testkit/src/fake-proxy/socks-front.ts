import type { Socket } from 'node:net';

import { connectFailure, connectTarget } from './connect-target.ts';
import { dismiss } from './dismiss.ts';
import type { ProxyParts } from './proxy-parts.ts';
import { relay } from './relay.ts';
import { SOCKS_REPLY, negotiate, readRequest, replyToFailure, socksReply } from './socks5.ts';
import type { TunnelEntry } from './tunnel-books.ts';

const CONNECT = 1;

/** Serves one SOCKS5 client from its greeting on. */
export async function serveSocks(parts: ProxyParts, client: Socket): Promise<void> {
  const entry = parts.books.opened('socks5', null, null);
  client.once('close', () => parts.books.closed(entry));
  if (parts.control.state.mode === 'stall') {
    parts.books.refused(entry, 'stalled');
    dismiss(client);
    return;
  }
  try {
    await handshake(parts, client, entry);
  } catch (error) {
    parts.books.refused(entry, error instanceof Error ? error.message : String(error));
    client.destroy();
  }
}

async function handshake(parts: ProxyParts, client: Socket, entry: TunnelEntry): Promise<void> {
  const { books, control } = parts;
  const user = await negotiate(client, parts.users);
  if (user === 'refused') {
    books.refused(entry, 'credentials');
    return;
  }
  entry.user = user === 'anonymous' ? null : user.username;
  const request = await readRequest(client);
  const refuse = (code: number, reason: string): void => {
    books.refused(entry, reason);
    dismiss(client, socksReply(code));
  };
  if (request.host === null) return refuse(SOCKS_REPLY.addressNotSupported, 'address type');
  entry.target = request.host.includes(':') ? `[${request.host}]:${request.port}` : `${request.host}:${request.port}`;
  if (request.command !== CONNECT) return refuse(SOCKS_REPLY.commandNotSupported, 'command');
  const { mode, connectDelayMs } = control.state;
  if (connectDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, connectDelayMs));
  if (mode === 'refuse') return refuse(control.state.socksReply, 'told to refuse');
  let target: Socket;
  try {
    target = await connectTarget(parts, entry, request.host, request.port);
  } catch (error) {
    return refuse(replyToFailure(error), connectFailure(error));
  }
  client.write(socksReply(SOCKS_REPLY.ok));
  relay({ client, target, control, books, entry });
}
