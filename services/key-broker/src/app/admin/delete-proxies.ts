import type { Deleted } from '../pool-store.ts';
import type { AdminDeps } from './admin-deps.ts';
import { requireLines } from './line-by-line.ts';

export interface DeleteProxiesInput {
  readonly provider: string;
  readonly proxyIds: readonly string[];
  readonly actor: string;
}

/** With the bindings of every pool. */
export function makeDeleteProxies({ offices, clock }: AdminDeps): (input: DeleteProxiesInput) => Promise<Deleted> {
  return async ({ provider, proxyIds, actor }) => {
    const office = offices.get(provider);
    requireLines(proxyIds.length);
    const deleted = await office.store.deleteProxies(proxyIds, { actor, nowMs: clock.nowMs() });
    await office.refresh();
    return deleted;
  };
}
