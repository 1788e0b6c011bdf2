import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, setDefaultCACertificates } from 'node:tls';

const pem = (name: string): Buffer => readFileSync(new URL(`tls/${name}`, import.meta.url));

export interface RawServer extends AsyncDisposable {
  readonly port: number;
  readonly open: () => number;
  readonly accepted: () => number;
}

/** A server that does with each connection what the test says. */
export async function startRawServer(serve: (socket: Socket) => void, host = '127.0.0.1'): Promise<RawServer> {
  return await listen(createServer(), 'connection', serve, host);
}

/** The same behind TLS, as `localhost` and `origin.test`. */
export async function startTlsServer(serve: (socket: Socket) => void): Promise<RawServer> {
  return await listen(createTlsServer({ cert: pem('server.pem'), key: pem('server.key') }), 'secureConnection', serve);
}

/** What TLS is on the way to: a proxy that speaks plain text only. */
export function passOnTo(port: number): (socket: Socket) => void {
  return (socket) => {
    const inner = connect({ host: '127.0.0.1', port });
    inner.on('error', () => socket.destroy()).once('close', () => socket.destroy());
    socket.once('close', () => inner.destroy());
    socket.pipe(inner).pipe(socket);
  };
}

/** Makes this process trust the authority of the tests, and nobody else. */
export function trustTestAuthority(): void {
  setDefaultCACertificates([pem('ca.pem')]);
}

async function listen(
  server: Server,
  event: string,
  serve: (socket: Socket) => void,
  host = '127.0.0.1',
): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  server.on(event, (socket: Socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  server.listen(0, host);
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
