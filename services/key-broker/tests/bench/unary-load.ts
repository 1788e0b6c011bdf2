import { performance } from 'node:perf_hooks';
import type { BrokerClient } from './holder.ts';
import type { Load, Meter } from './load.ts';

export interface UnaryLoadOptions {
  readonly client: BrokerClient;
  readonly provider: string;
  /** Leases of one call. */
  readonly count: number;
  /** Callers at a time. */
  readonly callers: number;
}

/** Callers without a stream: one call takes, the next one gives back. */
export async function makeUnaryLoad({ client, provider, count, callers }: UnaryLoadOptions): Promise<Load> {
  const wish = { provider, model: 'a-model', count, holder: 'bench', tokens: 0, excludeKeys: [] };
  const call = async (meter: Meter): Promise<void> => {
    while (!meter.stopped) {
      const askedMs = performance.now();
      const { result } = await client.acquireLeases(wish);
      const leases = result?.$case === 'granted' ? result.value.leases : [];
      if (leases.length < count) throw new Error(`the broker gave ${leases.length} leases of ${count}`);
      meter.asked(askedMs);
      await client.releaseLeases({ leaseIds: leases.map(({ leaseId }) => leaseId) });
      meter.count(count);
    }
  };
  return await Promise.resolve({
    run: async (meter) => {
      await Promise.all(Array.from({ length: callers }, async () => await call(meter)));
    },
    [Symbol.asyncDispose]: async () => await Promise.resolve(),
  });
}
