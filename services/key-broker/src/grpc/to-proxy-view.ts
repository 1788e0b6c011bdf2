import type { keyAdminV1 } from '@omg/proto-gen';
import type { ProxyHealthReport, ProxyReport } from '../app/admin/proxy-report.ts';
import { toProxyType } from './proxy-type.ts';
import { toDate } from './to-date.ts';

export function toProxyView({ proxy, health, bindings }: ProxyReport): keyAdminV1.ProxyView {
  return {
    proxyId: proxy.id,
    name: proxy.name,
    type: toProxyType(proxy.type),
    host: proxy.host,
    port: proxy.port,
    username: proxy.username ?? '',
    hasPassword: proxy.password !== undefined,
    active: proxy.isActive,
    health: health.map(toProxyHealthView),
    bindings,
  };
}

function toProxyHealthView({ provider, standing, health }: ProxyHealthReport): keyAdminV1.ProxyHealthView {
  const { results, cooldownUntilMs, lastError } = health;
  const checksOk = results.filter((ok) => ok).length;
  return {
    provider,
    standing,
    cooldownUntil: toDate(cooldownUntilMs),
    checkedAt: undefined,
    checksOk,
    checksFailed: results.length - checksOk,
    lastError: lastError ?? '',
  };
}
