import { describe, expect, test } from 'vitest';
import { NOTHING_IN_A_ROW } from '../key-state.ts';
import { keyOfConversation, sendAffinity, touchBuckets } from './pool-holders.ts';
import { setPoolBackups } from './pool-keys.ts';
import { slotsInUse, slotsOf } from './pool-quota.ts';
import { takePoolWrites } from './pool-time.ts';
import { keyOf, record, Rig } from './pool-rig.ts';
import { notRotated, operateKey, rotated } from './pool-verdicts.ts';

const by = { actor: 'op' } as const;
const HOUR = 3_600_000;

describe('what holders are told', () => {
  test('a stream begins with everything, and secrets come only with slots', () => {
    const rig = new Rig([record('k0'), record('k1', { state: { enabled: false } })]);
    const a = rig.holder('a');
    const [first] = a.frames;
    expect(first).toMatchObject({ snapshot: true, pool: { heldForMs: 0, probeWanted: false, nextCooldownMs: 0 } });
    expect(first?.keys.map(({ keyId, usable, access }) => [keyId, usable, access])).toEqual([
      ['k0', true, undefined],
      ['k1', false, undefined],
    ]);
    expect(first?.affinity?.from).toBeUndefined();
    expect(first?.affinity?.moves).toEqual([{ keyId: 'k0', buckets: Array.from({ length: 64 }, (_, at) => at) }]);
    expect(a.take()).toBe('k0');
    expect(a.keys.get('k0')?.access).toEqual({
      secret: 'secret of k0',
      endpoint: 'primary',
      route: { via: 'direct' },
    });
    const b = rig.holder('b');
    expect(b.keys.get('k0')?.access).toBeUndefined();
  });

  test('a stream that is opened again knows how to use what is held', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const a = rig.holder('a');
    const running = a.ask({ wish: 'k0' });
    rig.reconnect(a);
    expect(a.frames.at(-2)?.snapshot).toBe(true);
    expect(a.keys.get('k0')?.access?.secret).toBe('secret of k0');
    expect(a.keys.get('k1')?.access).toBeUndefined();
    expect(slotsInUse(rig.pool, 'k0')).toBe(1);
    a.release(running);
  });

  test('a stream of the same process replaces the one before', () => {
    const rig = new Rig([record('k0')]);
    const a = rig.holder('a');
    const before = a.connection;
    rig.reconnect(a);
    expect(rig.outputs).toContainEqual({ kind: 'close', connection: before });
    expect(a.take()).toBe('k0');
  });

  test('a new generation is told at once, and with the secret where that is known', () => {
    const rig = new Rig([record('k0')]);
    const [a, b] = [rig.holder('a'), rig.holder('b')];
    a.take();
    const { generation } = rig.key('k0').state;
    rig.report('k0', 'upstream_error');
    expect(a.keys.get('k0')).toMatchObject({
      generation: generation + 1n,
      usable: true,
      access: { endpoint: 'primary' },
    });
    expect(b.keys.get('k0')).toMatchObject({ generation: generation + 1n, usable: true, access: undefined });
  });

  test('keys that are gone', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const a = rig.holder('a');
    rig.change([record('k1'), record('k2')]);
    expect([...a.keys.keys()]).toEqual(['k1', 'k2']);
    expect(a.ask({ wish: 'k0', exclude: ['k1', 'k2'] })).toMatchObject({ denial: { scope: 'none_available' } });
    expect(new Set([a.take(), a.take()])).toEqual(new Set(['k1', 'k2']));
  });

  test('when the next cooldown ends', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const a = rig.holder('a');
    rig.report('k0', 'rate_limited', { retryAfterMs: 40_000 });
    rig.advance(120);
    expect(a.info?.nextCooldownMs).toBeGreaterThan(39_000);
    rig.report('k1', 'rate_limited', { retryAfterMs: 5_000 });
    rig.advance(120);
    expect(a.info?.nextCooldownMs).toBeLessThan(5_000);
  });
});

describe('a key that may not be used', () => {
  test('is not granted, its held slots come back, and what runs goes on', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const a = rig.holder('a');
    const running = [a.ask({ wish: 'k0' }), a.ask({ wish: 'k0' }), a.ask({ wish: 'k0' })];
    for (const one of running.slice(1)) a.release(one);
    expect(a.unspent('k0')).toBeGreaterThan(0);
    operateKey(rig.pool, 'k0', { type: 'disable', ...by }, rig.nowMs);
    rig.settle();
    expect(a.keys.get('k0')).toMatchObject({ usable: false, abort: false });
    expect([a.unspent('k0'), slotsInUse(rig.pool, 'k0')]).toEqual([0, 1]);
    expect(Array.from({ length: 5 }, () => a.take({ wish: 'k0' }))).toEqual(Array.from({ length: 5 }, () => 'k1'));
    operateKey(rig.pool, 'k0', { type: 'enable', ...by }, rig.nowMs);
    rig.settle();
    expect(a.take({ wish: 'k0' })).toBe('k0');
  });

  test('its streams are cut when it is disabled at once', () => {
    const rig = new Rig([record('k0')]);
    const a = rig.holder('a');
    operateKey(rig.pool, 'k0', { type: 'disable', abort: true, ...by }, rig.nowMs);
    rig.settle();
    expect(a.keys.get('k0')).toMatchObject({ usable: false, abort: true });
    rig.report('k0', 'cancelled');
    rig.change([record('k0', { terms: { slots: 3 } })]);
    expect(a.keys.get('k0')?.abort).toBe(false);
  });

  test('pausing keeps it out as well', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const a = rig.holder('a');
    operateKey(rig.pool, 'k0', { type: 'pause', ...by }, rig.nowMs);
    expect([a.take(), a.take()]).toEqual(['k1', 'k1']);
  });
});

describe('what is stored anew', () => {
  test('terms are taken over, with a new generation', () => {
    const rig = new Rig([record('k0')]);
    const a = rig.holder('a');
    const { generation } = rig.key('k0').state;
    rig.change([record('k0', { terms: { slots: 2, allowedModels: ['m'], tokensPerMinute: 5 } })]);
    expect(slotsOf(rig.pool, rig.key('k0'))).toBe(2);
    expect(a.keys.get('k0')).toMatchObject({
      allowedModels: ['m'],
      limitsTokens: true,
      limitsRequests: false,
      generation: generation + 1n,
    });
    expect(a.ask({ model: 'other' })).toMatchObject({ denial: { scope: 'none_available' } });
    // reading the same again changes nothing
    rig.change([record('k0', { terms: { slots: 2, allowedModels: ['m'], tokensPerMinute: 5 } })]);
    expect(rig.key('k0').state.generation).toBe(generation + 1n);
  });

  test('another secret is told to those who know the key, and makes it well', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const a = rig.holder('a');
    a.take({ wish: 'k0' });
    rig.report('k0', 'auth');
    expect(a.keys.get('k0')?.usable).toBe(false);
    rig.change([record('k0', { secret: 'another' }), record('k1')]);
    expect(a.keys.get('k0')).toMatchObject({ usable: true, access: { secret: 'another' } });
  });

  test('a state that somebody wrote by hand counts', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const a = rig.holder('a');
    takePoolWrites(rig.pool);
    const { generation } = rig.key('k0').state;
    const until = rig.nowMs + HOUR;
    rig.change([
      record('k0', { changedByHand: true, state: { status: 'exhausted', cooldownUntilMs: until } }),
      record('k1', { changedByHand: true, state: { enabled: false } }),
    ]);
    expect([a.keys.get('k0')?.usable, a.keys.get('k1')?.usable]).toEqual([false, false]);
    expect(rig.key('k0').state.generation).toBeGreaterThan(generation);
    const { states, history } = takePoolWrites(rig.pool);
    expect(states.map(({ id, state }) => [id, state.status, state.enabled])).toEqual([
      ['k0', 'exhausted', true],
      ['k1', 'healthy', false],
    ]);
    expect(history.map(({ keyId, cause, actor }) => [keyId, cause, actor])).toEqual([
      ['k0', 'edit', 'database'],
      ['k1', 'disable', 'database'],
    ]);
    rig.change([record('k0', { changedByHand: true }), record('k1', { changedByHand: true })]);
    expect(new Set([a.take(), a.take()])).toEqual(new Set(['k0', 'k1']));
  });

  test('an endpoint that somebody changed by hand is told, and what is held for the other comes back', () => {
    const rig = new Rig([record('k0')]);
    const a = rig.holder('a');
    a.release(a.ask({ wish: 'k0' }));
    const state = { status: 'using_failover', endpoint: 'backup', primaryRetryAtMs: rig.nowMs + HOUR } as const;
    rig.change([record('k0', { changedByHand: true, state })]);
    expect(a.keys.get('k0')).toMatchObject({ usable: true, access: { endpoint: 'backup' } });
    expect(a.unspent('k0')).toBe(0);
  });
});

test('states and history are handed out to be written, once, and again if that fails', () => {
  const rig = new Rig([record('k0'), record('k1')]);
  rig.report('k0', 'rate_limited', { retryAfterMs: 1_000, message: 'slow down' });
  const writes = takePoolWrites(rig.pool);
  expect(writes.states).toMatchObject([{ id: 'k0', state: { status: 'rate_limited' } }]);
  expect(writes.history).toMatchObject([{ keyId: 'k0', cause: 'rate_limited', message: 'slow down' }]);
  expect(takePoolWrites(rig.pool)).toEqual({ states: [], history: [] });
  rig.pool.writes.giveBack(writes);
  expect(takePoolWrites(rig.pool)).toEqual(writes);
});

describe('rotation', () => {
  const successor = record('b0', { terms: { slots: 7 } });

  test('a key that is refused is rotated once, and its lease is not granted meanwhile', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const a = rig.holder('a');
    setPoolBackups(rig.pool, 1);
    rig.report('k0', 'auth');
    rig.report('k0', 'auth');
    expect(rig.outputs.filter(({ kind }) => kind === 'rotate')).toEqual([
      { kind: 'rotate', keyId: 'k0', cause: 'auth', actor: 'key-broker' },
    ]);
    expect(a.keys.get('k0')?.usable).toBe(false);
    // what the rotation writes is not written before it
    expect(takePoolWrites(rig.pool).states).toEqual([]);
    // there is one backup key, and it is spoken for
    rig.report('k1', 'auth');
    expect(rig.alerts.map(({ alert }) => alert)).toEqual(['key_exhausted', 'no_backup_key']);
  });

  test('a key that an operator rotates is not granted meanwhile, though it is well', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const a = rig.holder('a');
    setPoolBackups(rig.pool, 1);
    operateKey(rig.pool, 'k0', { type: 'rotate', ...by }, rig.nowMs);
    rig.settle();
    expect(a.keys.get('k0')?.usable).toBe(false);
    expect([a.take(), a.take({ wish: 'k0' })]).toEqual(['k1', 'k1']);
  });

  test('the successor takes the place of the old key, which is gone, and its conversations', () => {
    const rig = new Rig([record('k0'), record('k1'), record('k2', { state: { enabled: false } })]);
    const a = rig.holder('a');
    setPoolBackups(rig.pool, 1);
    const buckets = Array.from({ length: 64 }, (_, at) => at);
    const keyIds = (): readonly string[] => buckets.map((at) => keyOfConversation(rig.pool, at, rig.nowMs));
    const before = keyIds();
    touchBuckets(rig.pool, buckets, rig.nowMs);
    rig.report('k0', 'auth');
    // another one that would take over as many of them
    operateKey(rig.pool, 'k2', { type: 'enable', ...by }, rig.nowMs);
    rotated(rig.pool, { oldId: 'k0', successor }, rig.nowMs);
    rig.settle();
    rig.advance(100);
    expect([...a.keys.keys()]).toEqual(['k1', 'k2', 'b0']);
    expect(keyIds()).toEqual(before.map((id) => (id === 'k0' ? 'b0' : id)));
    expect(rig.alerts).toContainEqual({ alert: 'key_rotated', keyId: 'k0' });
    expect(slotsOf(rig.pool, rig.key('b0'))).toBe(7);
    expect([rig.pool.unusedBackups, rig.pool.rotations]).toEqual([0, 0]);
    // the rotation itself has written it
    expect(takePoolWrites(rig.pool).states.map(({ id }) => id)).toEqual(['k2']);
  });

  test('a take waits for the key that a rotation is about to bring', () => {
    const rig = new Rig([record('k0')]);
    const a = rig.holder('a');
    setPoolBackups(rig.pool, 1);
    rig.report('k0', 'auth');
    const waiting = a.ask();
    rig.advance(100);
    expect(waiting.state).toBe('waiting');
    rotated(rig.pool, { oldId: 'k0', successor }, rig.nowMs);
    rig.settle();
    expect(keyOf(waiting)).toBe('b0');
  });

  test('one that found no backup key leaves the key as it would be without', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    setPoolBackups(rig.pool, 1);
    rig.report('k0', 'auth');
    operateKey(rig.pool, 'k1', { type: 'rotate', ...by }, rig.nowMs);
    rig.settle();
    const order = rig.outputs.find((output) => output.kind === 'rotate');
    if (order === undefined) throw new Error('no rotation');
    notRotated(rig.pool, order, { again: false, nowMs: rig.nowMs });
    notRotated(rig.pool, order, { again: false, nowMs: rig.nowMs });
    expect([rig.key('k0').rotating, rig.pool.rotations]).toEqual([false, 0]);
    expect(takePoolWrites(rig.pool).states).toMatchObject([{ id: 'k0', state: { status: 'exhausted' } }]);
    rig.settle();
    expect(rig.alerts).toContainEqual({ alert: 'no_backup_key', keyId: 'k0' });
  });

  test('one that failed is ordered again', () => {
    const rig = new Rig([record('k0')]);
    setPoolBackups(rig.pool, 1);
    rig.report('k0', 'auth');
    const order = { kind: 'rotate', keyId: 'k0', cause: 'auth', actor: 'key-broker' } as const;
    notRotated(rig.pool, order, { again: true, nowMs: rig.nowMs });
    rig.settle();
    expect(rig.outputs.filter(({ kind }) => kind === 'rotate')).toHaveLength(2);
    expect(rig.key('k0').rotating).toBe(true);
  });
});

describe('alerts come once, when it begins', () => {
  test('too few usable keys', () => {
    const rig = new Rig([record('k0'), record('k1'), record('k2')], { config: { floorKeys: 2 } });
    expect(rig.alerts).toEqual([]);
    const set = (type: 'enable' | 'disable', ...ids: string[]): void => {
      for (const id of ids) operateKey(rig.pool, id, { type, ...by }, rig.nowMs);
      rig.settle();
    };
    set('disable', 'k0', 'k1');
    set('disable', 'k2');
    const below = (): number => rig.alerts.filter(({ alert }) => alert === 'below_floor').length;
    expect(below()).toBe(1);
    set('enable', 'k0', 'k1');
    set('disable', 'k0');
    expect(below()).toBe(2);
  });

  test('few backup keys, also when a rotation takes one', () => {
    const rig = new Rig([record('k0')], { config: { lowBackups: 2 } });
    setPoolBackups(rig.pool, 2);
    setPoolBackups(rig.pool, 2);
    rig.settle();
    expect(rig.alerts).toEqual([]);
    rig.report('k0', 'auth');
    rotated(rig.pool, { oldId: 'k0', successor: record('b0') }, rig.nowMs);
    setPoolBackups(rig.pool, 1);
    rig.settle();
    expect(rig.alerts.filter(({ alert }) => alert === 'backups_low')).toEqual([{ alert: 'backups_low', left: 1 }]);
  });
});

describe('the affinity table', () => {
  test('follows the usable keys, and is sent in full to whoever has missed something', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const a = rig.holder('a');
    rig.report('k0', 'rate_limited', { retryAfterMs: 60_000 });
    rig.advance(20);
    const delta = a.frames.findLast(({ affinity }) => affinity !== undefined)?.affinity;
    expect(delta?.from).toBeDefined();
    expect(delta?.moves.map(({ keyId }) => keyId)).toEqual(['k1']);
    sendAffinity(rig.pool, a.connection);
    rig.settle();
    const last = a.frames.at(-1)?.affinity;
    expect(last?.from).toBeUndefined();
    expect(last?.moves).toEqual([{ keyId: 'k1', buckets: Array.from({ length: 64 }, (_, at) => at) }]);
  });

  test('names no key where none is usable', () => {
    const rig = new Rig([record('k0', { state: { enabled: false } })]);
    expect(keyOfConversation(rig.pool, 7, rig.nowMs)).toBe('');
  });
});

test('an owner begins with other generations than the one before, and with its counts', () => {
  const state = { inARow: { ...NOTHING_IN_A_ROW, failures: 2 }, generation: 40n };
  const rig = new Rig([record('k0', { state })], { pool: { term: 3 } });
  expect(rig.key('k0').state.generation).toBe(3n << 24n);
  rig.report('k0', 'timeout', { generation: 40n });
  expect(rig.key('k0').state.status).toBe('healthy');
  rig.report('k0', 'timeout');
  expect(rig.key('k0').state.status).toBe('error');
});

test('a holder that fell silent is cut off, and forgotten when nothing of it can matter', () => {
  const rig = new Rig([record('k0', { terms: { slots: 1 } })]);
  const a = rig.holder('a');
  const b = rig.holder('b');
  expect(a.take()).toBe('k0');
  rig.disconnect(a);
  rig.advance(14_900, 100);
  const early = b.ask();
  rig.advance(300);
  expect(keyOf(early)).toBe('k0');
  rig.advance(61_000, 500);
  expect(rig.outputs).toContainEqual({ kind: 'holder_gone', epoch: 'a' });
});
