import { setImmediate } from 'node:timers/promises';
import { openHolder, takeOfEach, type BrokerClient } from './holder.ts';
import type { Load } from './load.ts';

/** Between two turns of the event loop. */
const BATCH = 500;

/** One holder that has a slot of every key: the broker only hears, each second, what became of them. */
export async function openHeldLoad({
  client,
  provider,
  keyIds,
}: {
  readonly client: BrokerClient;
  readonly provider: string;
  readonly keyIds: readonly string[];
}): Promise<Load> {
  const holder = await openHolder(client, provider, true);
  const { link, run } = holder;
  const needs = keyIds.map((scope) => [{ scope, need: { slots: 1 } }]);
  let turn = 0;
  return {
    // what nobody used for a while was given back
    prepare: async () => {
      await takeOfEach(holder, keyIds);
    },
    run: async (meter) => {
      while (!meter.stopped) {
        for (let count = 0; count < BATCH; count += 1) {
          const admission = link.admit(needs[turn % needs.length] ?? []);
          turn += 1;
          if (admission instanceof Promise) throw new Error('a slot that was held is not held any more');
          run(admission);
        }
        meter.count(BATCH);
        await setImmediate();
      }
    },
    [Symbol.asyncDispose]: async () => {
      await holder[Symbol.asyncDispose]();
    },
  };
}
