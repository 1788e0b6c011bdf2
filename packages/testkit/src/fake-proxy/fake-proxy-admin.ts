import { createAdminCalls } from '../fake-common/admin-calls.ts';
import type { ProxyState, ProxyStateInput } from './proxy-state.ts';
import type { ProxyStats, TunnelEntry } from './tunnel-books.ts';

/** The fake proxy's administration over HTTP, for a proxy in another process. */
export interface FakeProxyAdmin {
  readonly setState: (state: ProxyStateInput) => Promise<ProxyState>;
  readonly state: () => Promise<ProxyState>;
  readonly books: () => Promise<TunnelEntry[]>;
  readonly clearBooks: () => Promise<void>;
  readonly stats: () => Promise<ProxyStats>;
}

export function createFakeProxyAdmin(adminUrl: string): FakeProxyAdmin {
  const { call, json } = createAdminCalls(adminUrl);
  return {
    setState: async (state) => await json('POST', '/state', state),
    state: async () => await json('GET', '/state'),
    books: async () => (await json<{ books: TunnelEntry[] }>('GET', '/books')).books,
    clearBooks: async () => void (await call('DELETE', '/books')),
    stats: async () => await json('GET', '/stats'),
  };
}
