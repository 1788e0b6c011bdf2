import { pause } from '@omg/service';
import { runOwnedLoop, type Owned } from '@omg/mongo';
import { ProxyChecker, type ProxyCheckerOptions } from './app/check-proxies.ts';
import { PoolKeeper, type PoolKeeperOptions } from './app/pool-keeper.ts';
import type { Offices } from './app/pool-offices.ts';
import { countUse } from './messaging/count-use.ts';
import type { NatsLater } from './messaging/nats-later.ts';

export interface PoolWorkOptions extends Omit<PoolKeeperOptions, 'owned'> {
  readonly offices: Offices;
  readonly nats: NatsLater;
  readonly stream: string;
  readonly countEveryMs: number;
  readonly onCountingFailed: (error: unknown) => void;
  readonly checkProxy: ProxyCheckerOptions['check'];
}

const LOOK_AT_PROXIES_MS = 500;
/** A step may have to read a large pool; one that takes longer than this is stuck, and the pool is to be another's. */
const MAX_STEP_MS = 30_000;

/** All that the owner of a pool does until it is no longer: leases, counters, checks of its proxies. */
export async function workOnPool(owned: Owned, options: PoolWorkOptions): Promise<void> {
  const { offices, nats, stream, countEveryMs, onCountingFailed, checkProxy, spec, store } = options;
  const keeper = await PoolKeeper.open({ ...options, owned });
  const ended = new AbortController();
  const counting = async (): Promise<void> => {
    const connected = await Promise.race([nats.whenConnected(), untilAborted(ended.signal)]);
    if (connected === undefined) return;
    await countUse({
      nats: connected,
      stream,
      provider: spec.name,
      store,
      flushEveryMs: countEveryMs,
      onError: onCountingFailed,
      signal: ended.signal,
    });
  };
  const checking = async (): Promise<void> => {
    const { clock } = options;
    const checker = new ProxyChecker({ keeper, check: checkProxy, clock, signal: ended.signal });
    while (!ended.signal.aborted) {
      checker.look();
      await pause(LOOK_AT_PROXIES_MS, ended.signal);
    }
  };
  const beside = Promise.allSettled([counting(), checking()]);
  try {
    await offices.with(keeper, async () => {
      await runOwnedLoop(owned, async (idleMs) => await keeper.step(idleMs), MAX_STEP_MS);
    });
  } finally {
    ended.abort();
    await beside;
  }
}

async function untilAborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return undefined;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  signal.addEventListener(
    'abort',
    () => {
      resolve(undefined);
    },
    { once: true },
  );
  return await promise;
}
