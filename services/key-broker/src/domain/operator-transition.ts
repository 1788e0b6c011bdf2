import { changed, unchanged, type Transition, type TransitionContext } from './key-change.ts';
import type { OperatorEvent } from './key-event.ts';
import { NOTHING_IN_A_ROW, type KeyState } from './key-state.ts';

const FRESH = {
  status: 'healthy',
  endpoint: 'primary',
  cooldownUntilMs: undefined,
  primaryRetryAtMs: undefined,
  probe: undefined,
  inARow: NOTHING_IN_A_ROW,
  deniedModels: new Map<string, number>(),
  lastError: undefined,
} as const;

/** What an operator's action makes of a key; the status and the switch are two things. */
export function afterOperator(key: KeyState, event: OperatorEvent, context: TransitionContext): Transition {
  const by = { cause: event.type, actor: event.actor, nowMs: context.nowMs };
  if (key.status === 'gone') {
    return event.type === 'restore' ? changed(key, { ...by, to: FRESH, leases: 'keep' }) : unchanged(key);
  }
  switch (event.type) {
    case 'enable':
      if (key.enabled && !key.paused) return unchanged(key);
      return changed(key, { ...by, to: { enabled: true, paused: false }, leases: 'keep' });
    case 'disable': {
      const leases = event.abort === true ? 'abort' : 'revoke';
      // once more, to cut what still runs
      if (!key.enabled && leases === 'revoke') return unchanged(key);
      return changed(key, { ...by, to: { enabled: false }, leases });
    }
    case 'pause':
      return key.paused ? unchanged(key) : changed(key, { ...by, to: { paused: true }, leases: 'revoke' });
    case 'reset':
      return changed(key, { ...by, to: FRESH, leases: key.endpoint === 'primary' ? 'keep' : 'revoke' });
    case 'rotate': {
      if (!context.backupKeyAvailable) return { key, effects: [{ type: 'refused', reason: 'no_backup_key' }] };
      return { key, effects: [{ type: 'rotate', cause: event.type, actor: event.actor }] };
    }
    case 'restore':
      return unchanged(key);
    case 'edit': {
      const { enableFailover = key.enableFailover } = event;
      return changed(key, { ...by, to: { enableFailover }, leases: 'keep' });
    }
  }
}
