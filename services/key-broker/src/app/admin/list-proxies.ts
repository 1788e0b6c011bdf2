import type { AdminDeps } from './admin-deps.ts';
import { byName } from './page.ts';
import { makeProxyReporter, type ProxyReport } from './proxy-report.ts';

export function makeListProxies({ offices }: Pick<AdminDeps, 'offices'>): (provider: string) => readonly ProxyReport[] {
  return (provider) => {
    const office = offices.get(provider);
    return byName(office.proxiesNow(), ({ proxy }) => proxy.id).map(makeProxyReporter(office));
  };
}
