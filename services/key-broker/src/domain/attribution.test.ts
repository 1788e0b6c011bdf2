import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FaultAttribution, type Attribution, type AttributionReport } from './attribution.ts';
import { ATTRIBUTION_DEFAULTS, type AttributionConfig } from './attribution-config.ts';
import type { OutcomeCause } from './key-event.ts';

const { hold, windowMs, probeTtlMs } = ATTRIBUTION_DEFAULTS;

function make(change: Partial<AttributionConfig> = {}): {
  readonly judge: FaultAttribution;
  readonly report: (
    keyId: string,
    cause: OutcomeCause,
    more?: Partial<AttributionReport>,
    nowMs?: number,
  ) => Attribution;
} {
  const judge = new FaultAttribution({ ...ATTRIBUTION_DEFAULTS, ...change });
  return {
    judge,
    report: (keyId, cause, more = {}, nowMs = 0) =>
      judge.report({ keyId, proxyId: undefined, cause, generation: 1n, usableKeysLeft: 100, ...more }, nowMs),
  };
}
const through = (proxyId: string): Partial<AttributionReport> => ({ proxyId });

describe('keys that fail alike', () => {
  test('at one provider, directly: the third holds it, and releases the first two', () => {
    const { judge, report } = make();
    expect(report('a', 'rate_limited', {}, 10).blame).toBe('key');
    expect(report('b', 'rate_limited', {}, 20).blame).toBe('key');
    expect(report('c', 'rate_limited', { retryAfterMs: 9_000 }, 30)).toEqual({
      blame: 'provider',
      effects: [
        { type: 'hold', scope: 'provider', cause: 'rate_limited', untilMs: 9_030 },
        { type: 'release_key', keyId: 'a', generation: 1n, cause: 'rate_limited' },
        { type: 'release_key', keyId: 'b', generation: 1n, cause: 'rate_limited' },
      ],
    });
    expect(judge.gate(undefined, 9_029)).toEqual({ heldUntilMs: 9_030 });
    expect(judge.gate('p', 9_029)).toEqual({ heldUntilMs: 9_030 });
    // what was in flight changes nothing but the length of the hold
    expect(report('d', 'rate_limited', {}, 40)).toEqual({ blame: 'provider', effects: [] });
  });

  test('through one proxy: that proxy is held, and the others serve', () => {
    const { judge, report } = make();
    for (const id of ['a', 'b', 'c']) report(id, 'unattributed_403', through('bad'));
    expect(judge.gate('bad', 0)).toEqual({ heldUntilMs: hold.firstMs });
    expect(judge.gate('good', 0)).toBe('open');
    expect(judge.gate(undefined, 0)).toBe('open');
  });

  test('through several proxies: the provider is held, unless one of them does well', () => {
    const alone = make();
    for (const id of ['a', 'b', 'c']) alone.report(id, 'timeout', through(`proxy-${id}`));
    expect(alone.judge.gate('another', 0)).toEqual({ heldUntilMs: hold.firstMs });

    const mixed = make();
    mixed.report('a', 'timeout', through('bad'));
    mixed.report('x', 'timeout', through('good'));
    for (const id of ['v', 'w', 'y']) mixed.report(id, 'success', through('good'));
    mixed.report('b', 'timeout', through('bad'));
    expect(mixed.report('c', 'timeout', through('bad'))).toMatchObject({ blame: 'proxy' });
    expect(mixed.judge.gate('good', 0)).toBe('open');
  });

  test('further apart than the window, or with most others doing well: each is its own', () => {
    const slow = make();
    for (const [i, id] of ['a', 'b', 'c', 'd'].entries()) {
      expect(slow.report(id, 'rate_limited', {}, i * windowMs).blame).toBe('key');
    }
    const busy = make();
    for (const id of ['a', 'b', 'c', 'd']) {
      expect(busy.report(id, 'rate_limited').blame).toBe('key');
      for (let i = 0; i < 3; i += 1) busy.report(`${id}${i}`, 'success');
    }
  });

  test('and in different ways: each is its own', () => {
    const { report } = make();
    for (const cause of ['rate_limited', 'timeout', 'auth', 'quota', 'ban', 'unattributed_403'] as const) {
      expect(report(cause, cause).blame).toBe('key');
    }
  });

  test('below the floor of usable keys: two are enough, but not for what names the key itself', () => {
    const { report } = make();
    expect(report('a', 'rate_limited', { usableKeysLeft: 1 }).blame).toBe('key');
    for (const id of ['x', 'y', 'z']) report(id, 'success');
    expect(report('b', 'rate_limited', { usableKeysLeft: 0 }).blame).toBe('provider');
    const named = make();
    expect(named.report('a', 'quota', { usableKeysLeft: 1 }).blame).toBe('key');
    expect(named.report('b', 'quota', { usableKeysLeft: 0 }).blame).toBe('key');
  });
});

describe('a hold', () => {
  const held = (): ReturnType<typeof make> => {
    const made = make();
    for (const id of ['a', 'b', 'c']) made.report(id, 'upstream_error');
    return made;
  };

  test('ends with the first probe that comes through; there is one at a time', () => {
    const { judge, report } = held();
    expect(judge.startProbe(undefined, hold.firstMs - 1)).toBeUndefined();
    const probeId = judge.startProbe(undefined, hold.firstMs);
    expect(probeId).toBeDefined();
    expect(judge.startProbe(undefined, hold.firstMs)).toBeUndefined();
    const { effects } = report('a', 'success', probeId === undefined ? {} : { probeId }, hold.firstMs);
    expect(effects).toEqual([{ type: 'hold_ended', scope: 'provider' }]);
    expect(judge.gate(undefined, hold.firstMs)).toBe('open');
  });

  test('does not end with a success that was in flight', () => {
    const { judge, report } = held();
    report('d', 'success');
    expect(judge.gate(undefined, 0)).toEqual({ heldUntilMs: hold.firstMs });
  });

  test('grows with each probe that fails alike, whose key stays innocent', () => {
    const { judge, report } = held();
    let nowMs = hold.firstMs;
    for (const pauseMs of [4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      const probeId = judge.startProbe(undefined, nowMs) ?? 0;
      expect(report('a', 'timeout', { probeId }, nowMs).blame).toBe('provider');
      expect(judge.gate(undefined, nowMs)).toEqual({ heldUntilMs: nowMs + pauseMs });
      nowMs += pauseMs;
    }
  });

  test('is probed again soon when the probe told of something else, or nothing in its time', () => {
    const { judge, report } = held();
    let nowMs = hold.firstMs;
    const probeId = judge.startProbe(undefined, nowMs) ?? 0;
    expect(report('a', 'auth', { probeId }, nowMs).blame).toBe('key');
    nowMs += hold.firstMs;
    const late = judge.startProbe(undefined, nowMs) ?? 0;
    expect(late).toBeGreaterThan(probeId);
    nowMs += probeTtlMs + hold.firstMs;
    expect(judge.gate(undefined, nowMs)).toBe('probe');
    report('a', 'success', { probeId: late }, nowMs);
    expect(judge.gate(undefined, nowMs)).toBe('probe');
  });
});

test('requests, proxies and denied models never count against keys', () => {
  const { judge, report } = make();
  for (let i = 0; i < 9; i += 1) {
    expect(report(`k${i}`, 'request_fault').blame).toBe('request');
    expect(report(`k${i}`, 'proxy_error', through('p')).blame).toBe('proxy');
    expect(report(`k${i}`, 'model_denied').blame).toBe('key');
    expect(report(`k${i}`, 'cancelled').blame).toBe('nobody');
  }
  expect(judge.gate('p', 0)).toBe('open');
});

const failures = fc.constantFrom<OutcomeCause[]>(
  'rate_limited',
  'upstream_error',
  'unattributed_403',
  'ban',
  'auth',
  'quota',
);

test('one failure of the address on every key burns no pool: a few keys at most, and those are released', () => {
  fc.assert(
    fc.property(
      fc.record({
        keys: fc.integer({ min: 8, max: 60 }),
        proxies: fc.integer({ min: 0, max: 4 }),
        cause: failures,
        order: fc.array(fc.nat(), { minLength: 200, maxLength: 200 }),
      }),
      ({ keys, proxies, cause, order }) => {
        const { judge, report } = make();
        const burnt = new Set<string>();
        let nowMs = 0;
        for (const [i, pick] of order.entries()) {
          nowMs += 20;
          const usable = Array.from({ length: keys }, (_, k) => `k${k}`).filter((id) => !burnt.has(id));
          const keyId = usable[pick % usable.length] ?? '';
          const proxyId = proxies === 0 ? undefined : `p${i % proxies}`;
          if (typeof judge.gate(proxyId, nowMs) === 'object') continue;
          const probeId = judge.startProbe(proxyId, nowMs);
          const { blame, effects } = report(
            keyId,
            cause,
            {
              ...(proxyId === undefined ? {} : { proxyId }),
              usableKeysLeft: usable.length - 1,
              ...(probeId === undefined ? {} : { probeId }),
            },
            nowMs,
          );
          if (blame === 'key') burnt.add(keyId);
          for (const effect of effects) if (effect.type === 'release_key') burnt.delete(effect.keyId);
          expect(burnt.size).toBeLessThan(5);
        }
        expect(burnt.size).toBe(0);
      },
    ),
  );
});

test('one bad key, however it fails and however often, holds nothing', () => {
  const step = fc.record({
    bad: fc.boolean(),
    key: fc.nat({ max: 9 }),
    proxy: fc.nat({ max: 3 }),
    waitMs: fc.nat({ max: 9_000 }),
  });
  fc.assert(
    fc.property(failures, fc.array(step, { maxLength: 100 }), fc.nat({ max: 9 }), (cause, steps, usableKeysLeft) => {
      const { judge, report } = make();
      let nowMs = 0;
      for (const { bad, key, proxy, waitMs } of steps) {
        nowMs += waitMs;
        const more = { ...(proxy === 0 ? {} : through(`p${proxy}`)), usableKeysLeft };
        const { blame } = report(bad ? 'bad' : `k${key}`, bad ? cause : 'success', more, nowMs);
        expect(blame).toBe(bad ? 'key' : 'nobody');
        for (const id of [undefined, 'p1', 'p2', 'p3']) expect(judge.gate(id, nowMs)).toBe('open');
      }
    }),
  );
});

test('the floor of usable keys is kept when more than one of them fails alike within the window', () => {
  const step = fc.record({ key: fc.nat({ max: 11 }), proxy: fc.nat({ max: 2 }), ok: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { report } = make();
      const usable = new Set(Array.from({ length: 12 }, (_, k) => `k${k}`));
      for (const [i, { key, proxy, ok }] of steps.entries()) {
        const keyId = `k${key}`;
        if (!usable.has(keyId)) continue;
        const more = { ...(proxy === 0 ? {} : through(`p${proxy}`)), usableKeysLeft: usable.size - 1 };
        const { blame, effects } = report(keyId, ok ? 'success' : 'rate_limited', more, i);
        if (blame === 'key') usable.delete(keyId);
        for (const effect of effects) if (effect.type === 'release_key') usable.add(effect.keyId);
        expect(usable.size).toBeGreaterThanOrEqual(ATTRIBUTION_DEFAULTS.floorKeys);
      }
    }),
  );
});
