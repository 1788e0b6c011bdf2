import { expect, test } from 'vitest';
import { availability } from './key-availability.ts';
import type { TransitionContext } from './key-change.ts';
import type { KeyEvent } from './key-event.ts';
import { NEW_KEY_STATE, type KeyState } from './key-state.ts';
import { KEY_STATE_DEFAULTS } from './key-state-config.ts';
import { transition } from './key-transition.ts';

const NOW = 1_000_000;
const DAY = 86_400_000;
const at = (nowMs: number): TransitionContext => ({
  config: KEY_STATE_DEFAULTS,
  nowMs,
  jitter: 0,
  backupKeyAvailable: false,
  backupEndpoint: true,
});
const run = (key: KeyState, event: KeyEvent, nowMs = NOW): KeyState => transition(key, event, at(nowMs)).key;
const limited: KeyState = { ...NEW_KEY_STATE, status: 'rate_limited', cooldownUntilMs: NOW };

test('a cooldown that is over gives one probe lease, and no other until it has spoken', () => {
  expect(availability(limited, NOW - 1)).toEqual({ lease: 'none', why: 'cooling', untilMs: NOW });
  expect(run(limited, { type: 'probe_started' }, NOW - 1)).toBe(limited);
  expect(availability(limited, NOW)).toEqual({ lease: 'probe', endpoint: 'primary' });
  const probing = run(limited, { type: 'probe_started' });
  expect(availability(probing, NOW)).toMatchObject({ lease: 'none', why: 'probing' });
  expect(run(probing, { type: 'probe_started' })).toBe(probing);
  const { generation } = probing;
  const healthy = run(probing, { type: 'outcome', cause: 'success', generation, endpoint: 'primary' });
  expect(availability(healthy, NOW)).toEqual({ lease: 'any', endpoint: 'primary', returnProbe: false });
});

test('what was in flight before the probe cannot speak for it', () => {
  const probing = run(limited, { type: 'probe_started' });
  const old = { type: 'outcome', cause: 'success', generation: limited.generation, endpoint: 'primary' } as const;
  expect(run(probing, old)).toBe(probing);
});

test('a probe without a verdict is unknown: tried again after a pause that grows, and its late verdict is void', () => {
  let key = limited;
  let nowMs = NOW;
  for (const pauseMs of [2_000, 4_000, 8_000]) {
    const probing = run(key, { type: 'probe_started' }, nowMs);
    nowMs += KEY_STATE_DEFAULTS.probeTtlMs;
    expect(run(probing, { type: 'tick' }, nowMs - 1)).toBe(probing);
    key = run(probing, { type: 'tick' }, nowMs);
    expect(key).toMatchObject({ status: 'rate_limited', cooldownUntilMs: nowMs + pauseMs, probe: undefined });
    const { generation } = probing;
    expect(run(key, { type: 'outcome', cause: 'success', generation, endpoint: 'primary' }, nowMs)).toBe(key);
    nowMs += pauseMs;
  }
});

test('an edit during a probe makes its verdict void, and does not start a second one', () => {
  const probing = run(limited, { type: 'probe_started' });
  const edited = run(probing, { type: 'edit', actor: 'ann' });
  expect(availability(edited, NOW)).toMatchObject({ lease: 'none', why: 'probing' });
  const { generation } = probing;
  expect(run(edited, { type: 'outcome', cause: 'success', generation, endpoint: 'primary' })).toBe(edited);
});

test('a key at the backup endpoint serves there while one probe a day looks at the primary one', () => {
  const quota = { type: 'outcome', cause: 'quota', generation: 1n, endpoint: 'primary' } as const;
  const there = run({ ...NEW_KEY_STATE, enableFailover: true }, quota);
  expect(availability(there, NOW + DAY - 1)).toEqual({ lease: 'any', endpoint: 'backup', returnProbe: false });
  expect(availability(there, NOW + DAY)).toEqual({ lease: 'any', endpoint: 'backup', returnProbe: true });
  const probing = run(there, { type: 'probe_started' }, NOW + DAY);
  expect(availability(probing, NOW + DAY)).toEqual({ lease: 'any', endpoint: 'backup', returnProbe: false });
  const { generation } = probing;
  const elsewhere = run(probing, { type: 'outcome', cause: 'success', generation, endpoint: 'backup' }, NOW + DAY);
  expect(elsewhere.status).toBe('using_failover');
  const back = run(probing, { type: 'outcome', cause: 'success', generation, endpoint: 'primary' }, NOW + DAY);
  expect(back).toMatchObject({ status: 'healthy', endpoint: 'primary' });
});

test('a key that is limited at the backup endpoint has no second probe while the one of the primary endpoint runs', () => {
  const there: KeyState = { ...NEW_KEY_STATE, status: 'using_failover', endpoint: 'backup', primaryRetryAtMs: NOW };
  const probing = run(there, { type: 'probe_started' });
  const { generation } = probing;
  const cooling = run(probing, { type: 'outcome', cause: 'rate_limited', generation, endpoint: 'backup' });
  expect(availability(cooling, NOW + 2_000)).toMatchObject({ lease: 'none', why: 'probing' });
  const later = NOW + KEY_STATE_DEFAULTS.probeTtlMs;
  expect(availability(run(cooling, { type: 'tick' }, later), later)).toEqual({ lease: 'probe', endpoint: 'backup' });
});

test('a probe that ends after its key was released takes nothing away from it', () => {
  const there: KeyState = { ...NEW_KEY_STATE, status: 'using_failover', endpoint: 'backup', primaryRetryAtMs: NOW };
  const probing = run(there, { type: 'probe_started' });
  const { generation } = probing;
  const exhausted = run(probing, { type: 'outcome', cause: 'quota', generation, endpoint: 'backup' });
  const released = run(exhausted, { type: 'release', generation, cause: 'quota' });
  const later = NOW + KEY_STATE_DEFAULTS.probeTtlMs;
  const after = run(released, { type: 'tick' }, later);
  expect(availability(after, later)).toEqual({ lease: 'any', endpoint: 'primary', returnProbe: false });
});
