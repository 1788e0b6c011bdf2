import { proxyStanding, type ProxyHealth } from '../../domain/proxy-health.ts';
import type { PoolOffice, ProxyNow } from '../pool-office.ts';
import type { StoredProxy } from '../pool-store.ts';
import { byName } from './page.ts';

/** What is shown of a proxy; its password is left out where it leaves. */
export interface ProxyReport {
  readonly proxy: StoredProxy;
  /** As the owner of each pool sees it, by provider; the asked one's of this moment. */
  readonly health: readonly ProxyHealthReport[];
  /** Of the asked pool. */
  readonly bindings: number;
}

export interface ProxyHealthReport {
  readonly provider: string;
  readonly standing: ProxyNow['standing'];
  readonly health: ProxyHealth;
}

export function makeProxyReporter(office: PoolOffice): (now: ProxyNow) => ProxyReport {
  const bindings = new Map<string, number>();
  for (const { proxyId } of office.bindingsNow()) bindings.set(proxyId, (bindings.get(proxyId) ?? 0) + 1);
  const own = office.provider.name;
  return ({ proxy, health, standing }) => ({
    proxy,
    health: byName(
      [
        { provider: own, standing, health },
        ...Object.entries(proxy.health).flatMap(([provider, stored]) =>
          provider === own ? [] : [{ provider, standing: proxyStanding(stored), health: stored }],
        ),
      ],
      ({ provider }) => provider,
    ),
    bindings: bindings.get(proxy.id) ?? 0,
  });
}
