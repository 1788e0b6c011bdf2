import type { keyAdminV1 } from '@omg/proto-gen';
import { NOTHING, formatCount, formatRelative } from '../output/format.ts';
import type { Column } from '../output/table.ts';
import { withNulls } from '../output/with-nulls.ts';
import { proxyTypeName } from './proxy-type.ts';

type ProxyView = keyAdminV1.ProxyView;

export function proxyColumns(nowMs: number): readonly Column<ProxyView>[] {
  return [
    { title: 'PROXY', value: ({ proxyId }) => proxyId },
    { title: 'NAME', value: ({ name }) => name || NOTHING, leaveOut: 1 },
    { title: 'TYPE', value: ({ type }) => proxyTypeName(type) },
    { title: 'ADDRESS', value: ({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}` },
    { title: 'USER', value: ({ username }) => username || NOTHING, leaveOut: 2 },
    { title: 'PASSWORD', value: ({ hasPassword }) => (hasPassword ? 'yes' : 'no'), leaveOut: 1 },
    {
      title: 'ENABLED',
      value: ({ active }) => (active ? 'yes' : 'no'),
      style: ({ active }) => (active ? 'green' : 'red'),
    },
    { title: 'BINDINGS', align: 'right', value: ({ bindings }) => formatCount(bindings), leaveOut: 3 },
    {
      title: 'HEALTH',
      value: ({ health }) => health.map((view) => healthOf(view, nowMs)).join(', ') || NOTHING,
      style: ({ health }) => (health.some(({ standing }) => standing === 'unusable') ? 'red' : undefined),
    },
  ];
}

export function proxyToJson(proxy: ProxyView): object {
  return { ...withNulls(proxy), type: proxyTypeName(proxy.type) };
}

function healthOf({ provider, standing, cooldownUntil }: keyAdminV1.ProxyHealthView, nowMs: number): string {
  return `${provider} ${standing}${cooldownUntil === undefined ? '' : ` (ends ${formatRelative(cooldownUntil, nowMs)})`}`;
}
