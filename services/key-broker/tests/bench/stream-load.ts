import { performance } from 'node:perf_hooks';
import type { ScopeNeed } from '@omg/quota';
import { openHolder, takeOfEach, type BrokerClient, type Holder } from './holder.ts';
import type { Load, Meter } from './load.ts';

export interface StreamLoadOptions {
  readonly client: BrokerClient;
  readonly provider: string;
  readonly keyIds: readonly string[];
  readonly holders: number;
  /** Over all holders. */
  readonly inFlight: number;
}

const ANY_KEY: readonly ScopeNeed[] = [{ scope: '', need: { slots: 1 }, choice: { kind: 'a-model', exclude: [] } }];

/** Holders that keep nothing: each slot is asked for, used for no time, and given back. */
export async function openStreamLoad(options: StreamLoadOptions): Promise<Load> {
  const { client, provider, keyIds, holders, inFlight } = options;
  await using stack = new AsyncDisposableStack();
  const open: Holder[] = [];
  for (let count = 0; count < holders; count += 1) {
    const holder = stack.use(await openHolder(client, provider, false));
    await takeOfEach(holder, keyIds);
    open.push(holder);
  }
  const resources = stack.move();
  return {
    run: async (meter) => {
      await Promise.all(
        Array.from({ length: inFlight }, async (_, index) => {
          const holder = open[index % holders];
          if (holder !== undefined) await askAgainAndAgain(holder, meter);
        }),
      );
    },
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

async function askAgainAndAgain({ link, run }: Holder, meter: Meter): Promise<void> {
  while (!meter.stopped) {
    const askedMs = performance.now();
    const admission = await link.admit(ANY_KEY, { ask: true, endsWithStream: true });
    meter.asked(askedMs);
    run(admission);
    meter.count(1);
  }
}
