import { OmgError } from '@omg/errors';
import { pause } from '@omg/service';
import type { Projected } from './rollups-project.ts';

export interface KeepRollupsOptions {
  readonly project: () => Promise<Projected>;
  /** Charging is behind and needs the time more: each step waits for it, but not for ever. */
  readonly isBehind: () => boolean;
  readonly onProjected: (projected: Projected) => void;
  /** Told of whatever interrupts the projection; it goes on where the stored positions are. */
  readonly onInterrupted: (error: unknown) => void;
}

const LOOK_EVERY_MS = 500;
const GIVE_WAY_MS = 10_000;
/** Another process does it: this one looks now and then whether it still does. */
const STAND_BY_MS = 5_000;

/** Projects until it is disposed of; what is under way then is still brought to its end. */
export function keepRollups(options: KeepRollupsOptions): AsyncDisposable {
  const stopped = new AbortController();
  const running = run(options, stopped.signal);
  return {
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await running;
    },
  };
}

async function run(options: KeepRollupsOptions, signal: AbortSignal): Promise<void> {
  const { project, onProjected, onInterrupted } = options;
  while (!signal.aborted) {
    try {
      await giveWay(options.isBehind, signal);
      const projected = await project();
      if (projected.logs > 0) onProjected(projected);
      if (!projected.full) await pause(LOOK_EVERY_MS, signal);
    } catch (error) {
      const isAnothers = error instanceof OmgError && error.code === 'not_owner';
      if (!isAnothers) onInterrupted(error);
      await pause(isAnothers ? STAND_BY_MS : LOOK_EVERY_MS, signal);
    }
  }
}

async function giveWay(isBehind: () => boolean, signal: AbortSignal): Promise<void> {
  const untilMs = performance.now() + GIVE_WAY_MS;
  while (isBehind() && performance.now() < untilMs && !signal.aborted) await pause(LOOK_EVERY_MS, signal);
}
