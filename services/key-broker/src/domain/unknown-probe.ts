import { backoffMs } from './backoff.ts';
import { isServing } from './key-availability.ts';
import { changed, type Transition, type TransitionContext } from './key-change.ts';
import type { HistoryEntry } from './key-event.ts';
import type { KeyState } from './key-state.ts';

/** A probe that told nothing of the key: the next one after a pause, and what it may still say is void. */
export function afterUnknownProbe(key: KeyState, cause: HistoryEntry['cause'], context: TransitionContext): Transition {
  const { config, nowMs } = context;
  const againAtMs = nowMs + backoffMs(config.probe, key.inARow.unknownProbes, context);
  const inARow = { ...key.inARow, unknownProbes: key.inARow.unknownProbes + 1 };
  const again =
    key.probe?.endpoint !== key.endpoint
      ? { primaryRetryAtMs: againAtMs }
      : // one that was released serves already
        isServing(key)
        ? {}
        : { cooldownUntilMs: Math.max(againAtMs, key.cooldownUntilMs ?? 0) };
  const to = { probe: undefined, inARow, ...again };
  return changed(key, { to, cause, leases: 'keep', nowMs });
}
