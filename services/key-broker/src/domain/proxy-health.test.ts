import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isCheckDue,
  NEW_PROXY_HEALTH,
  PROXY_HEALTH_DEFAULTS as config,
  proxyStanding,
  proxyTransition,
  type ProxyEvent,
  type ProxyHealth,
} from './proxy-health.ts';

const run = (health: ProxyHealth, events: readonly ProxyEvent[], nowMs = 0): ProxyHealth =>
  events.reduce((now, event) => proxyTransition(now, event, { config, nowMs }).health, health);
const check = (ok: boolean): ProxyEvent => ({ type: 'check', ok });
const lease = (ok: boolean): ProxyEvent => ({ type: 'lease', ok });
const dead = run(NEW_PROXY_HEALTH, [check(false), lease(false), lease(false)]);

describe('a proxy', () => {
  test('is unproven until it has worked, and shaky after each failure', () => {
    expect(proxyStanding(NEW_PROXY_HEALTH)).toBe('unproven');
    expect(proxyStanding(run(NEW_PROXY_HEALTH, [lease(false), check(false)]))).toBe('unproven');
    expect(proxyStanding(run(NEW_PROXY_HEALTH, [check(true)]))).toBe('healthy');
    expect(proxyStanding(run(NEW_PROXY_HEALTH, [check(true), lease(false)]))).toBe('shaky');
    expect(proxyStanding(run(NEW_PROXY_HEALTH, [lease(false), lease(true)]))).toBe('healthy');
  });

  test('is dead after three failures among its last five results, whoever saw them', () => {
    expect(proxyStanding(dead)).toBe('unusable');
    expect(
      proxyTransition(run(NEW_PROXY_HEALTH, [lease(false), lease(false)]), check(false), { config, nowMs: 0 }),
    ).toMatchObject({ alert: 'proxy_dead' });
    const spread = [false, true, true, true, false, true, false, true, true].map(lease);
    expect(proxyStanding(run(NEW_PROXY_HEALTH, spread))).not.toBe('unusable');
  });

  test('is checked every minute, soon after a failure, a dead one not before its cooldown is over', () => {
    expect(isCheckDue(NEW_PROXY_HEALTH, 0)).toBe(true);
    const checked = run(NEW_PROXY_HEALTH, [check(true), lease(true)], 100);
    expect([60_099, 60_100].map((nowMs) => isCheckDue(checked, nowMs))).toEqual([false, true]);
    for (const failure of [lease(false), check(false)]) {
      const failed = run(checked, [failure], 200);
      expect([5_199, 5_200].map((nowMs) => isCheckDue(failed, nowMs))).toEqual([false, true]);
    }
    expect([299_999, 300_000].map((nowMs) => isCheckDue(dead, nowMs))).toEqual([false, true]);
  });

  test('comes back by one good check after its cooldown, and by nothing else', () => {
    expect(run(dead, [lease(true), check(true)], 299_999)).toBe(dead);
    expect(run(dead, [lease(true)], 300_000)).toBe(dead);
    expect(proxyStanding(run(dead, [check(true)], 300_000))).toBe('healthy');
    expect(proxyTransition(dead, check(true), { config, nowMs: 300_000 }).alert).toBe('proxy_recovered');
    expect(run(dead, [check(false)], 300_000)).toMatchObject({ cooldownUntilMs: 600_000, nextCheckAtMs: 600_000 });
  });

  test('is as new after a reset', () => {
    expect(run(dead, [{ type: 'reset' }])).toEqual(NEW_PROXY_HEALTH);
  });
});

test('whatever happens: never used while cooling, bounded memory, and every check leads to a later one', () => {
  const event = fc.record({
    type: fc.constantFrom('check' as const, 'lease' as const),
    ok: fc.boolean(),
    waitMs: fc.nat({ max: 200_000 }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 100 }), (events) => {
      let health = NEW_PROXY_HEALTH;
      let nowMs = 0;
      for (const { type, ok, waitMs } of events) {
        nowMs += waitMs;
        const before = health;
        health = proxyTransition(health, { type, ok }, { config, nowMs }).health;
        expect(health.results.length).toBeLessThanOrEqual(config.window);
        if ((before.cooldownUntilMs ?? 0) > nowMs) expect(proxyStanding(health)).toBe('unusable');
        if (type === 'check') expect(isCheckDue(health, nowMs)).toBe(false);
        if (before.cooldownUntilMs !== undefined && proxyStanding(health) !== 'unusable') {
          expect({ type, ok }).toEqual({ type: 'check', ok: true });
        }
      }
    }),
  );
});
