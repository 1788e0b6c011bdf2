import { describe, expect, test } from 'vitest';
import { isModelDenied } from './key-availability.ts';
import type { KeyEvent } from './key-event.ts';
import { context, HOUR, key, NOW, outcome, probing, states } from './key-samples.ts';
import { NOTHING_IN_A_ROW } from './key-state.ts';
import { KEY_STATE_DEFAULTS } from './key-state-config.ts';
import { transition } from './key-transition.ts';

describe('a blocked key', () => {
  const causes = ['quota', 'ban', 'auth'] as const;

  test.each(causes)('is rotated after %s where a backup key is there, and cannot be leased meanwhile', (cause) => {
    const { key: after, effects } = transition(key(), outcome(cause), context({ backupKeyAvailable: true }));
    expect(after.status).toBe('exhausted');
    expect(effects).toContainEqual({ type: 'rotate', cause, actor: 'key-broker' });
  });

  test('says so when there is no backup key left', () => {
    const { effects } = transition(key(), outcome('auth'), context());
    expect(effects).toContainEqual({ type: 'alert', alert: 'no_backup_key' });
  });

  test('goes to the backup endpoint before it is rotated, and only where the provider has one', () => {
    const may = key({ enableFailover: true });
    const there = transition(may, outcome('quota'), context({ backupKeyAvailable: true }));
    expect(there.key).toMatchObject({ status: 'using_failover', endpoint: 'backup' });
    const at = context({ backupKeyAvailable: true, backupEndpoint: false });
    expect(transition(may, outcome('quota'), at).effects).toContainEqual(expect.objectContaining({ type: 'rotate' }));
    const again = outcome('quota', { generation: 8n, endpoint: 'backup' });
    expect(transition(there.key, again, context({ backupKeyAvailable: true })).effects).toContainEqual(
      expect.objectContaining({ type: 'rotate' }),
    );
  });
});

describe('cooldowns', () => {
  test('of 429 honour Retry-After within the cap, and double without it up to the maximum', () => {
    const asked = transition(key(), outcome('rate_limited', { retryAfterMs: 17_000 }), context({ jitter: 0.5 }));
    expect(asked.key.cooldownUntilMs).toBe(NOW + 17_000 * 1.1);
    const absurd = transition(key(), outcome('rate_limited', { retryAfterMs: 99 * HOUR }), context());
    expect(absurd.key.cooldownUntilMs).toBe(NOW + HOUR);
    const waits = [0, 1, 2, 3, 4, 5, 6, 60].map((rateLimits) => {
      const before = key({ inARow: { ...NOTHING_IN_A_ROW, rateLimits } });
      return (transition(before, outcome('rate_limited'), context()).key.cooldownUntilMs ?? 0) - NOW;
    });
    expect(waits).toEqual([2, 4, 8, 16, 32, 60, 60, 60].map((s) => s * 1_000));
  });

  test('of errors grow from 30 s to 5 min', () => {
    const waits = [0, 1, 2, 3, 4, 5].map((errors) => {
      const before = probing({ status: 'error', inARow: { ...NOTHING_IN_A_ROW, errors } });
      return (transition(before, outcome('timeout'), context()).key.cooldownUntilMs ?? 0) - NOW;
    });
    expect(waits).toEqual([30, 60, 120, 240, 300, 300].map((s) => s * 1_000));
  });

  test('are spread by jitter, never beyond the maximum', () => {
    const at = context({ jitter: 0.999 });
    const before = key({ inARow: { ...NOTHING_IN_A_ROW, rateLimits: 9 } });
    const wait = (transition(before, outcome('rate_limited'), at).key.cooldownUntilMs ?? 0) - NOW;
    expect(wait).toBeGreaterThan(60_000 * 0.8 - 1);
    expect(wait).toBeLessThan(60_000);
  });
});

test('twenty failures in flight when an incident begins are one', () => {
  let now = key();
  for (let i = 0; i < 20; i += 1) now = transition(now, outcome('upstream_error'), context()).key;
  expect(now).toMatchObject({ status: 'healthy', generation: 8n, inARow: { failures: 1 } });
});

test('consecutive means consecutive: a success between them, and the third failure is the first', () => {
  const causes = ['timeout', 'upstream_error', 'success', 'connection', 'timeout'] as const;
  let now = key();
  for (const cause of causes) now = transition(now, outcome(cause, { generation: now.generation }), context()).key;
  expect(now).toMatchObject({ status: 'healthy', inARow: { failures: 2 } });
  expect(transition(now, outcome('timeout', { generation: now.generation }), context()).key.status).toBe('error');
});

test('a model that is denied blocks nothing but that model of that key, for its time', () => {
  const { key: after } = transition(key(), outcome('model_denied'), context());
  expect(after.status).toBe('healthy');
  expect(isModelDenied(after, 'm', NOW + KEY_STATE_DEFAULTS.modelDeniedMs - 1)).toBe(true);
  expect(isModelDenied(after, 'm', NOW + KEY_STATE_DEFAULTS.modelDeniedMs)).toBe(false);
  expect(isModelDenied(after, 'another', NOW)).toBe(false);
});

test('every change of state is in the history, with its cause, its generation and who did it', () => {
  const { effects } = transition(key(), outcome('rate_limited'), context());
  expect(effects).toEqual([
    { type: 'push', leases: 'revoke' },
    {
      type: 'history',
      entry: {
        cause: 'rate_limited',
        from: 'healthy',
        to: 'rate_limited',
        generation: 8n,
        actor: 'key-broker',
        atMs: NOW,
      },
    },
  ]);
});

describe('a release', () => {
  test.each([
    ['rate_limited', 'healthy'],
    ['auth', 'healthy'],
    ['quota', 'healthy'],
    ['timeout', 'healthy'],
  ] as const)('undoes what %s did', (cause, status) => {
    for (const before of [key(), key({ enableFailover: true })]) {
      const after = transition(before, outcome(cause), context()).key;
      const { key: freed } = transition(after, { type: 'release', generation: 7n, cause }, context());
      expect(freed).toMatchObject({
        status,
        endpoint: 'primary',
        cooldownUntilMs: undefined,
        inARow: NOTHING_IN_A_ROW,
      });
    }
  });

  test('keeps a key at the backup endpoint that was there before', () => {
    const { key: before } = states['using_failover'] ?? { key: key() };
    const cooled = transition(before, outcome('rate_limited', { endpoint: 'backup' }), context()).key;
    const { key: freed } = transition(cooled, { type: 'release', generation: 7n, cause: 'rate_limited' }, context());
    expect(freed).toMatchObject({ status: 'using_failover', endpoint: 'backup', cooldownUntilMs: undefined });
  });

  test('is void when anything happened to the key since', () => {
    const after = transition(key(), outcome('auth'), context()).key;
    const edited = transition(after, { type: 'edit', actor: 'ann' }, context()).key;
    expect(transition(edited, { type: 'release', generation: 7n, cause: 'auth' }, context()).key).toBe(edited);
  });
});

test('a rotated key is gone for everything but a restore', () => {
  const { key: gone, effects } = transition(key(), { type: 'rotated', actor: 'ann' }, context());
  expect(gone.status).toBe('gone');
  expect(effects).toContainEqual({ type: 'alert', alert: 'key_rotated' });
  const events: readonly KeyEvent[] = [
    { type: 'tick' },
    { type: 'probe_started' },
    { type: 'rotated', actor: 'ann' },
    { type: 'release', generation: 7n, cause: 'auth' },
  ];
  for (const event of events) expect(transition(gone, event, context({ nowMs: NOW * 9 })).key).toBe(gone);
});
