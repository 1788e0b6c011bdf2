import type { LineResult } from '../pool-store.ts';
import type { AdminDeps } from './admin-deps.ts';
import { lineByLine } from './line-by-line.ts';
import { proxyIdOf, toNewProxy, type ProxyFields } from './proxy-fields.ts';

export interface AddProxiesInput {
  readonly provider: string;
  /** An empty id: made of type, host and port. */
  readonly proxies: readonly { readonly id: string; readonly fields: ProxyFields }[];
  readonly actor: string;
  /** Only says what would become of them. */
  readonly dryRun: boolean;
}

export function makeAddProxies({
  offices,
  clock,
}: AdminDeps): (input: AddProxiesInput) => Promise<readonly LineResult[]> {
  return async ({ provider, proxies, actor, dryRun }) => {
    const office = offices.get(provider);
    const by = { actor, nowMs: clock.nowMs() };
    const results = await lineByLine({
      lines: proxies.map(({ id, fields }) => {
        const proxyId = id === '' ? proxyIdOf(fields) : id;
        return { id: proxyId, proxy: toNewProxy(proxyId, fields) };
      }),
      faultOf: ({ proxy }) => ('fault' in proxy ? proxy.fault : undefined),
      run: async (good) =>
        await office.store.addProxies(
          good.flatMap(({ proxy }) => ('fault' in proxy ? [] : [proxy])),
          by,
          { dryRun },
        ),
    });
    if (!dryRun && results.some(({ ok }) => ok)) await office.refresh();
    return results;
  };
}
