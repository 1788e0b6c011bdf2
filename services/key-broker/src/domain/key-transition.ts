import { availability, isServing } from './key-availability.ts';
import { changed, unchanged, type Transition, type TransitionContext } from './key-change.ts';
import type { KeyEvent } from './key-event.ts';
import { NOTHING_IN_A_ROW, type KeyState } from './key-state.ts';
import { afterOperator } from './operator-transition.ts';
import { afterOutcome } from './outcome-transition.ts';
import { afterUnknownProbe } from './unknown-probe.ts';

/** The only function that changes what the broker thinks of a key. */
export function transition(key: KeyState, event: KeyEvent, context: TransitionContext): Transition {
  switch (event.type) {
    case 'outcome':
      return afterOutcome(key, event, context);
    case 'probe_started':
      return startProbe(key, context);
    case 'tick':
      return key.status !== 'gone' && key.probe !== undefined && key.probe.untilMs <= context.nowMs
        ? afterUnknownProbe(key, event.type, context)
        : unchanged(key);
    case 'release':
      return release(key, event, context);
    case 'rotated': {
      if (key.status === 'gone') return unchanged(key);
      const { actor } = event;
      const to = { status: 'gone', probe: undefined } as const;
      const more = [{ type: 'alert', alert: 'key_rotated' }] as const;
      return changed(key, { to, cause: event.type, actor, leases: 'revoke', more, nowMs: context.nowMs });
    }
    case 'enable':
    case 'disable':
    case 'pause':
    case 'reset':
    case 'rotate':
    case 'restore':
    case 'edit':
      return afterOperator(key, event, context);
  }
}

/** The lease of the probe carries the generation that this makes, so that nothing older can speak in its place. */
function startProbe(key: KeyState, { config, nowMs }: TransitionContext): Transition {
  const may = availability(key, nowMs);
  if (may.lease === 'none' || (may.lease === 'any' && !may.returnProbe)) return unchanged(key);
  const endpoint = may.lease === 'any' ? 'primary' : may.endpoint;
  const generation = key.generation + 1n;
  const probe = { endpoint, generation, untilMs: nowMs + config.probeTtlMs } as const;
  return { key: { ...key, generation, probe }, effects: [{ type: 'push', leases: 'keep' }] };
}

function release(
  key: KeyState,
  { generation, cause }: Extract<KeyEvent, { type: 'release' }>,
  { nowMs }: TransitionContext,
): Transition {
  if (key.status === 'gone' || key.generation !== generation + 1n) return unchanged(key);
  const undone = { cooldownUntilMs: undefined, inARow: NOTHING_IN_A_ROW, lastError: undefined };
  const failedOver = key.status === 'using_failover' && (cause === 'quota' || cause === 'ban');
  if (isServing(key) && !failedOver) return { key: { ...key, inARow: NOTHING_IN_A_ROW }, effects: [] };
  const to =
    key.endpoint === 'backup' && !failedOver
      ? ({ ...undone, status: 'using_failover' } as const)
      : ({ ...undone, status: 'healthy', endpoint: 'primary', primaryRetryAtMs: undefined } as const);
  return changed(key, { to, cause: 'release', leases: failedOver ? 'revoke' : 'keep', nowMs });
}
