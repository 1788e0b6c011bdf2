import type { Provider } from '../domain/provider.ts';
import type { Pools } from './pools.ts';
import type { Clock } from './ports.ts';

export interface ProviderState {
  readonly provider: Provider;
  readonly keys: number;
  readonly keysAvailable: number;
  readonly slotsInUse: number;
}

export function makeListProviders(deps: {
  readonly pools: Pools;
  readonly clock: Clock;
}): () => readonly ProviderState[] {
  return () => {
    const nowMs = deps.clock.nowMs();
    return deps.pools.all().map(({ provider, table }) => {
      table.expire(nowMs);
      return { provider, keys: table.keys.length, keysAvailable: table.available(nowMs), slotsInUse: table.slotsInUse };
    });
  };
}
