import { describe, expect, test } from 'vitest';
import { operateKey } from './pool-verdicts.ts';
import { keyOf, record, Rig } from './pool-rig.ts';

const by = { actor: 'op' } as const;
const records = (count: number, slots?: number): ReturnType<typeof record>[] =>
  Array.from({ length: count }, (_, at) => record(`k${at}`, { terms: { slots } }));

function counts(ids: readonly string[]): Record<string, number> {
  const result: Record<string, number> = {};
  for (const id of ids) result[id] = (result[id] ?? 0) + 1;
  return result;
}

describe('without a wish', () => {
  test('keys have their turn, one after the other', () => {
    const rig = new Rig(records(5));
    const a = rig.holder('a');
    const b = rig.holder('b');
    const got = Array.from({ length: 100 }, (_, at) => (at % 3 === 0 ? a : b).take());
    expect(counts(got)).toEqual({ k0: 20, k1: 20, k2: 20, k3: 20, k4: 20 });
    for (let at = 5; at < got.length; at += 1) expect(got[at]).toBe(got[at - 5]);
  });

  test('a key without a free slot stands aside, and comes back when one is free', () => {
    const rig = new Rig([record('small', { terms: { slots: 1 } }), record('big', { terms: { slots: 10 } })]);
    const a = rig.holder('a');
    const first = a.ask();
    expect(keyOf(first)).toBe('small');
    expect([a.take(), a.take()]).toEqual(['big', 'big']);
    a.release(first);
    // what nobody uses is held for a while
    rig.advance(11_000, 500);
    expect([a.take(), a.take()].toSorted()).toEqual(['big', 'small']);
  });

  test('what one model takes costs other models no turn', () => {
    const rig = new Rig([
      record('k0'),
      record('k1'),
      record('k2', { terms: { allowedModels: ['rare', 'usual'] } }),
      record('k3'),
    ]);
    const a = rig.holder('a');
    const usual: string[] = [];
    for (let at = 0; at < 40; at += 1) {
      a.take({ model: 'rare', exclude: [], wish: '' });
      usual.push(a.take({ model: 'usual' }));
    }
    expect(counts(usual)).toEqual({ k0: 10, k1: 10, k2: 10, k3: 10 });
  });
});

describe('a wish', () => {
  test('is granted as long as there is a slot, and yields when the key is full', () => {
    const rig = new Rig(records(3, 2));
    const a = rig.holder('a');
    expect([a.take({ wish: 'k1' }), a.take({ wish: 'k1' })]).toEqual(['k1', 'k1']);
    expect(['k0', 'k2']).toContain(a.take({ wish: 'k1' }));
  });

  test('yields when the key cools down, is disabled, excluded, not for the model, or unknown', () => {
    const rig = new Rig([record('k0'), record('k1', { terms: { allowedModels: ['m'] } })]);
    const a = rig.holder('a');
    expect(a.take({ wish: 'k1', model: 'm' })).toBe('k1');
    expect(a.take({ wish: 'k1', model: 'other' })).toBe('k0');
    expect(a.take({ wish: 'k1', exclude: ['k1'] })).toBe('k0');
    expect(a.take({ wish: 'gone' })).not.toBe('waiting');
    rig.report('k1', 'rate_limited', { retryAfterMs: 60_000 });
    expect(a.take({ wish: 'k1' })).toBe('k0');
    operateKey(rig.pool, 'k0', { type: 'disable', ...by }, rig.nowMs);
    const none = a.ask({ wish: 'k0' });
    expect(none).toMatchObject({ state: 'denied', denial: { scope: 'none_available', retryAfterMs: 60_000 } });
  });
});

describe('models', () => {
  test('a key serves those that it is allowed, and is not asked for one that it was denied', () => {
    const rig = new Rig([record('k0', { terms: { allowedModels: ['m'] } }), record('k1')]);
    const a = rig.holder('a');
    rig.report('k1', 'model_denied', { model: 'm' });
    expect(a.keys.get('k1')?.deniedModels).toEqual(['m']);
    expect(counts(Array.from({ length: 10 }, () => a.take({ model: 'm' })))).toEqual({ k0: 10 });
    expect(counts(Array.from({ length: 10 }, () => a.take({ model: 'x' })))).toEqual({ k1: 10 });
    rig.report('k0', 'model_denied', { model: 'm' });
    expect(a.ask({ model: 'm' })).toMatchObject({ state: 'denied', denial: { scope: 'none_available' } });
    rig.advance(rig.pool.config.keyState.modelDeniedMs, 5_000);
    expect(a.keys.get('k1')?.deniedModels).toEqual([]);
    expect(new Set([a.take({ model: 'm' }), a.take({ model: 'm' })])).toEqual(new Set(['k0', 'k1']));
  });
});

describe('when all slots are taken', () => {
  test('a take waits, and gets whatever comes free first in the pool', () => {
    const rig = new Rig(records(2, 1));
    const a = rig.holder('a');
    const b = rig.holder('b');
    const running = [a.ask(), b.ask()];
    const waiting = [a.ask({ wish: 'k0' }), b.ask()];
    rig.advance(200);
    expect(waiting.map(keyOf)).toEqual(['waiting', 'waiting']);
    expect(running.map(keyOf)).toEqual(['k0', 'k1']);
    for (const [holder, one] of [
      [b, running[1]],
      [a, running[0]],
    ] as const)
      if (one !== undefined) holder.release(one);
    rig.advance(40);
    expect(waiting.map(keyOf)).toEqual(['k1', 'k0']);
  });

  test('it is refused after the wait, with the end of the next cooldown', () => {
    const rig = new Rig([...records(1, 1), record('cooling')]);
    const a = rig.holder('a');
    rig.report('cooling', 'rate_limited', { retryAfterMs: 30_000 });
    a.take();
    const waiting = a.ask();
    rig.advance(240);
    expect(waiting.state).toBe('waiting');
    rig.advance(10);
    expect(waiting).toMatchObject({ state: 'denied', denial: { scope: 'slots', retryAfterMs: 30_000 - 250 } });
  });

  test('nobody is refused for what another holder has and does not use', () => {
    const rig = new Rig(records(1, 1));
    const a = rig.holder('a');
    const b = rig.holder('b');
    a.release(a.ask());
    expect(a.unspent('k0')).toBe(1);
    expect(b.take()).toBe('k0');
    expect(a.unspent('k0')).toBe(0);
  });

  test('nor for requests or tokens of a minute that another holder has and does not use', () => {
    const rig = new Rig([record('k0', { terms: { requestsPerMinute: 12, tokensPerMinute: 12_000 } })]);
    const a = rig.holder('a');
    const b = rig.holder('b');
    // what a was granted ahead of its use comes out of the same minute
    for (let at = 0; at < 5; at += 1) a.release(a.ask({ wish: 'k0', tokens: 1000 }), 1000);
    rig.advance(20);
    const got = Array.from({ length: 7 }, () => b.ask({ tokens: 1000 }));
    rig.advance(100);
    expect(got.map(keyOf)).toEqual(Array.from({ length: 7 }, () => 'k0'));
    const more = b.ask({ tokens: 1000 });
    rig.advance(260);
    expect(more).toMatchObject({ state: 'denied', denial: { scope: 'slots' } });
    expect(more.denial?.retryAfterMs).toBeGreaterThan(50_000);
    expect(more.denial?.retryAfterMs).toBeLessThanOrEqual(60_000);
    rig.advance(more.denial?.retryAfterMs ?? 0, 500);
    rig.advance(500);
    for (const one of got) b.release(one, 1000);
    expect(b.take({ tokens: 1000 })).toBe('k0');
  });

  test('one who waits for what is not free does not stand in the way of one who asks for less', () => {
    const rig = new Rig([record('k0', { terms: { tokensPerMinute: 1000 } })]);
    const a = rig.holder('a');
    a.take({ tokens: 600 });
    const much = a.ask({ tokens: 900 });
    expect(a.take({ tokens: 300 })).toBe('k0');
    rig.advance(260);
    expect(much.state).toBe('denied');
  });

  test('nor while both wait', () => {
    const rig = new Rig([record('k0', { terms: { slots: 2, tokensPerMinute: 1000 } })]);
    const a = rig.holder('a');
    const running = [a.ask({ tokens: 300 }), a.ask({ tokens: 300 })];
    const waiting = [a.ask({ tokens: 900 }), a.ask({ tokens: 300 })];
    for (const one of running) a.release(one, 300);
    rig.advance(10);
    expect(waiting.map(keyOf)).toEqual(['waiting', 'k0']);
  });

  test('one who excludes what is free does not stand in the way of one who does not', () => {
    const rig = new Rig(records(2, 1));
    const a = rig.holder('a');
    a.take({ wish: 'k1' });
    const waiting = a.ask({ exclude: ['k0'] });
    expect(waiting.state).toBe('waiting');
    expect(a.take()).toBe('k0');
  });

  test('first come, first served', () => {
    const rig = new Rig(records(1, 1));
    const [a, b, c] = [rig.holder('a'), rig.holder('b'), rig.holder('c')];
    const running = a.ask();
    const first = b.ask();
    const second = c.ask();
    a.release(running);
    rig.advance(10);
    expect([first, second].map(keyOf)).toEqual(['k0', 'waiting']);
  });

  test('also where time brings back what is waited for, before anybody has noticed', () => {
    const rig = new Rig([record('k0', { terms: { requestsPerMinute: 1 } })]);
    const [a, b, c] = [rig.holder('a'), rig.holder('b'), rig.holder('c')];
    a.take();
    rig.advance(59_950, 50);
    const first = b.ask();
    // the minute is over
    rig.nowMs += 60;
    const second = c.ask({ wish: 'k0' });
    expect([first, second].map(keyOf)).toEqual(['waiting', 'waiting']);
    rig.advance(100);
    expect([first, second].map(keyOf)).toEqual(['k0', 'waiting']);
  });

  test('whoever waited on a stream that ended keeps nobody from a slot', () => {
    const rig = new Rig(records(1, 1));
    const [a, b, c] = [rig.holder('a'), rig.holder('b'), rig.holder('c')];
    const running = a.ask();
    b.ask();
    rig.disconnect(b);
    a.release(running);
    expect(c.take()).toBe('k0');
  });

  test('nobody is given more than he needs while somebody waits', () => {
    const rig = new Rig(records(1, 4));
    const [a, b] = [rig.holder('a'), rig.holder('b')];
    // b has been busy, and would like to have more
    for (const one of Array.from({ length: 4 }, () => b.ask({ wish: 'k0' }))) b.release(one);
    for (let at = 0; at < 4; at += 1) a.take({ wish: 'k0' });
    rig.advance(1_000);
    const waiting = Array.from({ length: 2 }, () => b.ask({ wish: 'k0' }));
    rig.change([record('k0', { terms: { slots: 12 } })]);
    expect([...waiting.map(keyOf), b.unspent('k0')]).toEqual(['k0', 'k0', 0]);
    expect([b.take({ wish: 'k0' }), b.unspent('k0')]).toEqual(['k0', 1]);
  });
});

test('what nobody used for long is granted all the same', () => {
  const rig = new Rig(records(2));
  const a = rig.holder('a');
  rig.advance(200_000, 500);
  expect(new Set([a.take(), a.take()])).toEqual(new Set(['k0', 'k1']));
});

test('limits that were raised serve those who wait, and lowered ones call back what is too much', () => {
  const rig = new Rig(records(1, 1));
  const a = rig.holder('a');
  const running = a.ask();
  const waiting = a.ask();
  rig.change([record('k0', { terms: { slots: 8 } })]);
  expect(keyOf(waiting)).toBe('k0');
  // the call for what was lacking is over
  rig.advance(1_000);
  const more = Array.from({ length: 6 }, () => a.ask({ wish: 'k0' }));
  for (const one of [running, waiting, ...more]) a.release(one);
  expect(a.unspent('k0')).toBeGreaterThan(1);
  rig.change([record('k0', { terms: { slots: 1 } })]);
  expect(a.unspent('k0')).toBeLessThanOrEqual(1);
});

test('a holder that was away when limits were lowered gives back what is too much', () => {
  const rig = new Rig(records(1, 8));
  const a = rig.holder('a');
  const running = Array.from({ length: 8 }, () => a.ask({ wish: 'k0' }));
  for (const one of running) a.release(one);
  const held = a.unspent('k0');
  expect(held).toBeGreaterThan(1);
  rig.disconnect(a);
  rig.change([record('k0', { terms: { slots: 1 } })]);
  expect(a.unspent('k0')).toBe(held);
  rig.reconnect(a);
  expect(a.unspent('k0')).toBeLessThanOrEqual(1);
});

describe('after a takeover', () => {
  test('takes wait until all known holders have said what they have, and nothing is granted twice', () => {
    const before = new Rig(records(2, 1));
    const a = before.holder('a');
    const b = before.holder('b');
    const held = a.ask({ wish: 'k0' });
    expect(keyOf(held)).toBe('k0');
    const rig = new Rig(records(2, 1), {
      pool: { term: 2, knownHolders: ['a', 'b'] },
      nowMs: before.nowMs,
    });
    const b2 = rig.adopt(b);
    const waiting = [b2.ask(), b2.ask()];
    rig.advance(200);
    expect(waiting.map(keyOf)).toEqual(['waiting', 'waiting']);
    rig.adopt(a);
    rig.advance(10);
    expect(waiting.map(keyOf).toSorted()).toEqual(['k1', 'waiting']);
    rig.advance(1300);
    expect(waiting.map(keyOf).toSorted()).toEqual(['denied', 'k1']);
  });

  test('each gets its part of each key while one is missing, and nobody waits for the part of a key that he has', () => {
    const rig = new Rig(records(2, 4), { pool: { term: 2, knownHolders: ['a', 'gone'] } });
    const a = rig.holder('a');
    const early = a.ask({ wish: 'k0' });
    expect(early.state).toBe('waiting');
    rig.advance(1_020);
    expect(keyOf(early)).toBe('k0');
    // two more holders than are known: the desk, and a itself
    const got = Array.from({ length: 3 }, () => a.take({ wish: 'k0' }));
    expect(counts(got)).toEqual({ k0: 1, k1: 2 });
    const more = a.ask();
    rig.advance(300);
    expect(more).toMatchObject({ state: 'denied', denial: { scope: 'slots' } });
    rig.advance(15_000, 200);
    expect(Array.from({ length: 4 }, () => a.take())).toHaveLength(4);
  });

  test('what the new owner calls back is called back, however often the one before did', () => {
    const before = new Rig(records(1, 4));
    const a = before.holder('a');
    for (let at = 0; at < 10; at += 1) {
      operateKey(before.pool, 'k0', { type: 'disable', ...by }, before.nowMs);
      operateKey(before.pool, 'k0', { type: 'enable', ...by }, before.nowMs);
      before.settle();
    }
    const running = Array.from({ length: 3 }, () => a.ask({ wish: 'k0' }));
    for (const one of running) a.release(one);
    expect(a.unspent('k0')).toBeGreaterThan(0);
    const rig = new Rig(records(1, 4), { pool: { term: 2, knownHolders: ['a'] }, nowMs: before.nowMs });
    rig.adopt(a);
    expect(a.unspent('k0')).toBeGreaterThan(0);
    operateKey(rig.pool, 'k0', { type: 'disable', ...by }, rig.nowMs);
    rig.settle();
    expect(a.unspent('k0')).toBe(0);
  });
});
