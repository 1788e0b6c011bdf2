import { describe, expect, test } from 'vitest';
import type { KeyEvent } from './key-event.ts';
import { context, key, states } from './key-samples.ts';
import { NOTHING_IN_A_ROW } from './key-state.ts';
import { transition } from './key-transition.ts';

describe('what an operator does', () => {
  const by = { actor: 'ann' };
  const NO_BLAME = { inARow: NOTHING_IN_A_ROW, lastError: undefined, probe: undefined };
  const actions = {
    enable: { type: 'enable', ...by },
    disable: { type: 'disable', ...by },
    pause: { type: 'pause', ...by },
    reset: { type: 'reset', ...by },
    rotate: { type: 'rotate', ...by },
    restore: { type: 'restore', ...by },
    edit: { type: 'edit', enableFailover: true, ...by },
  } as const satisfies Record<string, KeyEvent>;
  const switched = { ...states, disabled: { key: key({ enabled: false }) }, paused: { key: key({ paused: true }) } };
  const table = Object.entries(switched).flatMap(([name, state]) =>
    Object.values(actions).map((event) => ({ name, before: state.key, event, action: event.type })),
  );

  test('is in the table for every state', () => {
    expect(table).toHaveLength(15 * 7);
  });

  test.each(table)('$name, $action', ({ before, event }) => {
    const { key: after, effects } = transition(before, event, context({ backupKeyAvailable: true }));
    const isGone = before.status === 'gone';
    const acts = {
      enable: !isGone && (!before.enabled || before.paused),
      disable: !isGone && before.enabled,
      pause: !isGone && !before.paused,
      reset: !isGone,
      rotate: false,
      restore: isGone,
      edit: !isGone,
    }[event.type];
    expect(after.generation).toBe(before.generation + (acts ? 1n : 0n));
    if (!acts) expect(after).toBe(before);
    expect(effects.some(({ type }) => type === 'rotate')).toBe(event.type === 'rotate' && !isGone);
    const entries = effects.flatMap((effect) => (effect.type === 'history' ? [effect.entry] : []));
    expect(entries).toMatchObject(acts ? [{ cause: event.type, actor: 'ann' }] : []);
    if (acts && (event.type === 'reset' || event.type === 'restore')) {
      expect(after).toMatchObject({ status: 'healthy', endpoint: 'primary', cooldownUntilMs: undefined, ...NO_BLAME });
    } else {
      expect(after.status).toBe(before.status);
      expect(after.cooldownUntilMs).toBe(before.cooldownUntilMs);
    }
  });

  test('a rotation by hand without a backup key is refused', () => {
    expect(transition(key(), actions.rotate, context()).effects).toEqual([
      { type: 'refused', reason: 'no_backup_key' },
    ]);
  });

  test('disabling can cut what still runs, also of a key that is disabled already', () => {
    for (const enabled of [true, false]) {
      const { effects } = transition(key({ enabled }), { ...actions.disable, abort: true }, context());
      expect(effects).toContainEqual({ type: 'push', leases: 'abort' });
    }
  });
});
