import { describe, expect, test } from 'vitest';
import { KEY_STATE_DEFAULTS } from '../domain/key-state-config.ts';
import { NOTHING_IN_A_ROW } from '../domain/key-state.ts';
import { changedByHand, NO_OWN_FIELDS, stateOf, type HandFields, type OwnFields } from './hand-changes.ts';

const NOW = 1_000_000_000;
const healthy: HandFields = { status: 'healthy', cooldownUntilMs: undefined, enabled: true };
const exhausted: HandFields = { status: 'exhausted', cooldownUntilMs: NOW + 5_000, enabled: true };
const context = { config: KEY_STATE_DEFAULTS, nowMs: NOW };

/** What this system keeps of a key that it wrote as `wrote`, with something in every field. */
const own = (wrote: HandFields, change: Partial<OwnFields> = {}): OwnFields => ({
  generation: 9n,
  endpoint: 'backup',
  paused: false,
  primaryRetryAtMs: NOW + 7,
  inARow: { ...NOTHING_IN_A_ROW, failures: 2 },
  deniedModels: new Map([['m', NOW + 9]]),
  wrote,
  ...change,
});

test.each([
  ['as it was written', healthy, healthy, false],
  ['with another status', exhausted, { ...exhausted, status: 'error' } as const, true],
  ['with another cooldown', { ...exhausted, cooldownUntilMs: NOW }, exhausted, true],
  ['without its cooldown', { ...exhausted, cooldownUntilMs: undefined }, exhausted, true],
  ['switched off', { ...healthy, enabled: false }, healthy, true],
  ['that this system never wrote', healthy, undefined, true],
])('a key %s: changed by hand is %4$s', (_, now, wrote, expected) => {
  expect(changedByHand(now, wrote)).toBe(expected);
});

describe('the state of a document', () => {
  test('that nobody touched is what was written, whatever it is', () => {
    const { wrote: _wrote, ...kept } = own(exhausted);
    expect(stateOf(exhausted, own(exhausted), context)).toEqual({ ...kept, ...exhausted, probe: undefined });
  });

  test('that was made healthy by hand is like a reset, and the cooldown of before is over', () => {
    expect(stateOf({ ...exhausted, status: 'healthy' }, own(exhausted), context)).toMatchObject({
      status: 'healthy',
      cooldownUntilMs: undefined,
      endpoint: 'primary',
      primaryRetryAtMs: undefined,
      inARow: NOTHING_IN_A_ROW,
      deniedModels: new Map(),
      generation: 9n,
    });
  });

  test.each([
    ['rate_limited', 2_000],
    ['exhausted', 24 * 3_600_000],
    ['error', 30_000],
  ] as const)('that was made %s by hand without a time waits %i ms', (status, waitMs) => {
    for (const fields of [own(healthy), NO_OWN_FIELDS, own({ ...exhausted, status: 'using_failover' })]) {
      const cooldownUntilMs = fields.wrote?.cooldownUntilMs;
      expect(stateOf({ ...healthy, status, cooldownUntilMs }, fields, context)).toMatchObject({
        status,
        cooldownUntilMs: NOW + waitMs,
        endpoint: 'primary',
      });
    }
  });

  test('that was given a time by hand has that time', () => {
    const byHand = { ...healthy, status: 'error', cooldownUntilMs: NOW + 1 } as const;
    expect(stateOf(byHand, own(healthy), context)).toMatchObject({ status: 'error', cooldownUntilMs: NOW + 1 });
    expect(stateOf({ ...healthy, cooldownUntilMs: NOW + 1 }, NO_OWN_FIELDS, context)).toMatchObject({
      status: 'healthy',
      cooldownUntilMs: NOW + 1,
    });
  });

  test('whose cooldown was taken away is half-open: nothing waits', () => {
    const byHand = { ...exhausted, cooldownUntilMs: undefined };
    expect(stateOf(byHand, own(exhausted), context)).toMatchObject({
      status: 'exhausted',
      cooldownUntilMs: undefined,
      endpoint: 'backup',
    });
  });

  test('that was made using_failover by hand is at the backup endpoint, and returns after the usual time', () => {
    expect(stateOf({ ...healthy, status: 'using_failover' }, own(healthy), context)).toMatchObject({
      endpoint: 'backup',
      primaryRetryAtMs: NOW + 24 * 3_600_000,
    });
  });

  test('that was switched on by hand is not paused any more; otherwise a pause stays', () => {
    const paused = own({ ...healthy, enabled: false }, { paused: true });
    expect(stateOf(healthy, paused, context).paused).toBe(false);
    expect(stateOf({ ...healthy, enabled: false }, paused, context).paused).toBe(true);
    expect(stateOf({ ...exhausted, enabled: false }, paused, context).paused).toBe(true);
  });
});
