import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';

import { createAdminServer } from '../fake-common/admin-http.ts';
import { listen } from '../fake-common/listen.ts';
import { proxyAdminRoutes } from './admin-routes.ts';
import { createHttpFront } from './http-front.ts';
import { proxyOptionsSchema } from './proxy-options.ts';
import type { FakeProxyOptions } from './proxy-options.ts';
import { ProxyControl, proxyStateSchema } from './proxy-state.ts';
import type { ProxyState, ProxyStateInput } from './proxy-state.ts';
import { readExactly } from './socks5.ts';
import { serveSocks } from './socks-front.ts';
import { TunnelBooks } from './tunnel-books.ts';
import type { ProxyStats, TunnelEntry } from './tunnel-books.ts';

const SOCKS_VERSION = 5;

/** An HTTP and SOCKS5 proxy on one port, with an administration on another. */
export interface FakeProxy extends AsyncDisposable {
  readonly name: string;
  /** `http://host:port`, for CONNECT and forwarding. */
  readonly url: string;
  /** `socks5://host:port` */
  readonly socksUrl: string;
  readonly adminUrl: string;
  readonly host: string;
  readonly port: number;
  readonly adminPort: number;
  /** What is not named takes its default: `{}` heals. Resolves when a dead proxy is really gone, a living one listens. */
  readonly setState: (state: ProxyStateInput) => Promise<void>;
  readonly state: () => ProxyState;
  readonly books: () => TunnelEntry[];
  readonly clearBooks: () => void;
  readonly stats: () => ProxyStats;
}

export async function startFakeProxy(options: FakeProxyOptions = {}): Promise<FakeProxy> {
  const config = proxyOptionsSchema.parse(options);
  const { host, name } = config;
  const books = new TunnelBooks();
  const control = new ProxyControl();
  const parts = { books, control, name, users: config.users, announceTo: config.announceTo };
  const http = createHttpFront(parts);
  const clients = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    clients.add(client);
    client.once('close', () => clients.delete(client));
    client.on('error', () => client.destroy());
    void (async () => {
      try {
        const first = await readExactly(client, 1);
        client.unshift(first);
        if (first[0] === SOCKS_VERSION) await serveSocks(parts, client);
        else http.emit('connection', client);
      } catch {
        client.destroy();
      }
    })();
  });
  const stop = async (): Promise<void> => {
    const closed = server.listening ? once(server, 'close') : Promise.resolve();
    server.close();
    for (const client of clients) client.destroy();
    await closed;
  };

  let healing: NodeJS.Timeout | undefined;
  let port = config.port;
  const setState = async (state: ProxyState): Promise<void> => {
    clearTimeout(healing);
    control.change(state);
    if (state.mode === 'dead' && server.listening) await stop();
    if (state.mode !== 'dead' && !server.listening) port = await listen(server, { what: 'fake proxy', host, port });
    if (state.forMs !== undefined) healing = setTimeout(() => void setState(proxyStateSchema.parse({})), state.forMs);
  };
  const admin = createAdminServer(proxyAdminRoutes({ books, state: () => control.state, setState }));

  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => {
    clearTimeout(healing);
    if (admin.listening) {
      const closed = once(admin, 'close');
      admin.close();
      admin.closeAllConnections();
      await closed;
    }
    await stop();
  });
  port = await listen(server, { what: 'fake proxy', host, port });
  const adminPort = await listen(admin, { what: "fake proxy's administration", host, port: config.adminPort });
  const resources = cleanup.move();
  return {
    name,
    url: `http://${host}:${port}`,
    socksUrl: `socks5://${host}:${port}`,
    adminUrl: `http://${host}:${adminPort}`,
    host,
    port,
    adminPort,
    setState: async (state) => await setState(proxyStateSchema.parse(state)),
    state: () => control.state,
    books: () => books.list(),
    clearBooks: () => books.clear(),
    stats: () => books.stats(),
    [Symbol.asyncDispose]: async () => await resources.disposeAsync(),
  };
}
