import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { setDefaultCACertificates } from 'node:tls';

const pem = (name: string): Buffer =>
  readFileSync(new URL(`../../../packages/proxy-connect/tests/tls/${name}`, import.meta.url));

/** Makes this process trust the authority of the tests, and nobody else. */
export function trustTestAuthority(): void {
  setDefaultCACertificates([pem('ca.pem')]);
}

export interface Origin extends AsyncDisposable {
  readonly port: number;
  readonly open: () => number;
  readonly accepted: () => number;
}

export interface TlsOrigin extends Origin {
  /** Of each request for `/hang` and `/stream` that was broken off, when that was. */
  readonly brokenOffAtMs: readonly number[];
}

const STREAM_EVERY_MS = 10;

/**
 * An upstream behind TLS for `origin.test`, which tells how it was asked, leaves requests for `/hang` alone, and comes
 * to no end with those for `/stream`.
 */
export async function startTlsOrigin(): Promise<TlsOrigin> {
  const brokenOffAtMs: number[] = [];
  const server = createSecureServer({ cert: pem('server.pem'), key: pem('server.key'), allowHTTP1: true });
  server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
    if (request.url === '/hang' || request.url === '/stream') {
      const timer = setInterval(() => {
        if (request.url === '/stream') response.write('data: {}\n\n');
      }, STREAM_EVERY_MS);
      response.once('close', () => {
        clearInterval(timer);
        brokenOffAtMs.push(performance.now());
      });
      return;
    }
    const servername = 'servername' in request.socket ? request.socket.servername : undefined;
    request.resume().once('end', () => {
      response.end(JSON.stringify({ version: request.httpVersion, servername }));
    });
  });
  return { ...(await listen(server)), brokenOffAtMs };
}

/** Accepts connections and says nothing. */
export async function startSilentOrigin(): Promise<Origin> {
  return await listen(createTcpServer((socket) => void socket.resume()));
}

/** A proxy in whose network every name is this port of this machine. */
export async function startBlindProxy(port: () => number): Promise<Origin & { readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createServer((_request: IncomingMessage, response: ServerResponse) => void response.end());
  server.on('connect', ({ url = '' }: IncomingMessage, client: Socket) => {
    asked.push(url);
    const target = connect({ host: '127.0.0.1', port: port() }, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(target).pipe(client);
    });
    target.on('error', () => client.destroy()).once('close', () => client.destroy());
    client.on('error', () => target.destroy()).once('close', () => target.destroy());
  });
  return { ...(await listen(server)), asked };
}

async function listen(server: Server): Promise<Origin> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return {
    port: address.port,
    open: () => sockets.size,
    accepted: () => accepted,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
