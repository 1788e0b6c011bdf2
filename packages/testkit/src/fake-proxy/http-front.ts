import { STATUS_CODES, createServer, request as sendRequest } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { connectFailure, connectTarget, parseTarget } from './connect-target.ts';
import { dismiss } from './dismiss.ts';
import type { ProxyParts } from './proxy-parts.ts';
import { relay } from './relay.ts';
import type { TunnelEntry } from './tunnel-books.ts';

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'upgrade']);

interface Refusal {
  readonly status: number;
  readonly reason: string;
}

/** The HTTP side: CONNECT tunnels, and plain requests in absolute form. Sockets are handed to it, it never listens. */
export function createHttpFront(parts: ProxyParts): Server {
  const server = createServer({ requestTimeout: 0, headersTimeout: 0 }, (req, res) => void forward(parts, req, res));
  // Node types the tunnel's socket as a Duplex; for a plain listener it is the connection itself.
  server.on('connect', (req: IncomingMessage, client: Socket, head: Buffer) => void tunnel(parts, req, client, head));
  return server;
}

async function tunnel(parts: ProxyParts, req: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
  const { books, control } = parts;
  const user = userOf(req);
  const entry = books.opened('connect', req.url ?? null, user?.username ?? null);
  client.once('close', () => books.closed(entry));
  client.on('error', () => client.destroy());
  const refuse = ({ status, reason }: Refusal): void => {
    books.refused(entry, reason);
    dismiss(client, refusalText(status, reason));
  };
  const refusal = await admit(parts, entry, user);
  if (refusal === 'stalled') return dismiss(client);
  if (refusal !== null) return refuse(refusal);
  const address = parseTarget(req.url ?? '');
  if (address === null) return refuse({ status: 400, reason: 'bad target' });
  let target: Socket;
  try {
    target = await connectTarget(parts, entry, address.host, address.port);
  } catch (error) {
    return refuse({ status: 502, reason: connectFailure(error) });
  }
  client.write('HTTP/1.1 200 Connection established\r\n\r\n');
  if (head.length > 0) client.unshift(head);
  relay({ client, target, control, books, entry });
}

async function forward(parts: ProxyParts, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { books } = parts;
  const user = userOf(req);
  const url = URL.canParse(req.url ?? '') ? new URL(req.url ?? '') : null;
  const address = url?.protocol === 'http:' ? parseTarget(url.host, 80) : null;
  const entry = books.opened(
    'forward',
    address === null ? null : `${address.host}:${address.port}`,
    user?.username ?? null,
  );
  res.once('close', () => books.closed(entry));
  const refuse = ({ status, reason }: Refusal): void => {
    books.refused(entry, reason);
    res.writeHead(status, { ...challenge(status), 'content-type': 'text/plain' });
    res.end(`${reason}\n`);
  };
  const refusal = await admit(parts, entry, user);
  if (refusal === 'stalled') return;
  if (refusal !== null) return refuse(refusal);
  if (url === null || address === null) return refuse({ status: 400, reason: 'not an absolute http URL' });
  let target: Socket;
  try {
    target = await connectTarget(parts, entry, address.host, address.port);
  } catch (error) {
    return refuse({ status: 502, reason: connectFailure(error) });
  }
  await exchange(parts, entry, { req, res, target, path: `${url.pathname}${url.search}` });
}

interface Forwarding {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly target: Socket;
  readonly path: string;
}

/** One request on a connection of its own; the answer's end is shown to the client as it came. */
async function exchange(parts: ProxyParts, entry: TunnelEntry, { req, res, target, path }: Forwarding): Promise<void> {
  const { books, control } = parts;
  const upstream = sendRequest({
    createConnection: () => target,
    method: req.method ?? 'GET',
    path,
    headers: [...endToEndHeaders(req), 'connection', 'close'],
  });
  const breakOff = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'ECONNRESET') res.socket?.resetAndDestroy();
    else res.socket?.destroy();
  };
  upstream.on('error', breakOff);
  res.once('close', () => target.destroy());
  if (res.destroyed) target.destroy();
  upstream.once('response', (answer) => {
    res.writeHead(answer.statusCode ?? 502, endToEndHeaders(answer));
    res.flushHeaders();
    answer.on('error', breakOff);
    void pass(answer, res, control, (sizeBytes) => books.passed(entry, 'bytesDown', sizeBytes));
  });
  await pass(req, upstream, control, (sizeBytes) => books.passed(entry, 'bytesUp', sizeBytes));
}

async function pass(
  from: IncomingMessage,
  to: NodeJS.WritableStream,
  control: ProxyParts['control'],
  passed: (sizeBytes: number) => void,
): Promise<void> {
  try {
    for await (const chunk of from) {
      if (!Buffer.isBuffer(chunk)) continue;
      if (!control.flows) await control.untilFlowing();
      passed(chunk.length);
      await new Promise<void>((resolve, reject) => {
        to.write(chunk, (error) => (error === undefined || error === null ? resolve() : reject(error)));
      });
    }
    to.end();
  } catch {
    // The side that broke has its own listener, which breaks off the other one.
  }
}

/** null: go on; otherwise why not. */
async function admit(
  parts: ProxyParts,
  entry: TunnelEntry,
  user: Presented | null,
): Promise<Refusal | 'stalled' | null> {
  const { control, books, users } = parts;
  const { mode, httpStatus, connectDelayMs } = control.state;
  if (mode === 'stall') {
    books.refused(entry, 'stalled');
    return 'stalled';
  }
  if (connectDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, connectDelayMs));
  if (mode === 'refuse') return { status: httpStatus, reason: 'told to refuse' };
  const known = users.some((account) => account.username === user?.username && account.password === user.password);
  return users.length > 0 && !known ? { status: 407, reason: 'credentials' } : null;
}

interface Presented {
  readonly username: string;
  readonly password: string;
}

function userOf(req: IncomingMessage): Presented | null {
  const basic = /^Basic\s+(\S+)$/i.exec(req.headers['proxy-authorization'] ?? '')?.[1];
  if (basic === undefined) return null;
  const [username = '', ...password] = Buffer.from(basic, 'base64').toString('utf8').split(':');
  return { username, password: password.join(':') };
}

function challenge(status: number): Record<string, string> {
  return status === 407 ? { 'proxy-authenticate': 'Basic realm="fake-proxy"' } : {};
}

function refusalText(status: number, reason: string): string {
  const headers = {
    ...challenge(status),
    'content-type': 'text/plain',
    'content-length': reason.length,
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines.join('')}\r\n${reason}`;
}

function endToEndHeaders(message: IncomingMessage): string[] {
  const { rawHeaders } = message;
  return rawHeaders.filter((_, index) => !HOP_BY_HOP.has((rawHeaders[index - (index % 2)] ?? '').toLowerCase()));
}
