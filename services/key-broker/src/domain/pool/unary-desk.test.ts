import { describe, expect, test } from 'vitest';
import { binding, proxy, record, Rig } from './pool-rig.ts';
import { slotsInUse } from './pool-quota.ts';
import type { UnaryAnswer, UnaryLease, UnaryWish } from './unary-desk.ts';
import { operateKey, tellProxy } from './pool-verdicts.ts';

const by = { actor: 'op' } as const;
let ids = 0;

interface Call {
  answer: UnaryAnswer | undefined;
  readonly abandon: () => void;
}

function call(rig: Rig, change: Partial<UnaryWish> = {}): Call {
  ids += 1;
  const id = `lease-${ids}`;
  const wish = { service: 'svc', model: '', keyId: '', exclude: [], tokens: 0, ...change };
  const asked: { answer: UnaryAnswer | undefined } = { answer: undefined };
  const { abandon } = rig.desk.acquire(
    wish,
    {
      leaseId: (keyId) => `${keyId}/${id}`,
      answer: (answer) => {
        asked.answer = answer;
      },
    },
    rig.nowMs,
  );
  rig.settle();
  return Object.assign(asked, { abandon });
}

function lease(rig: Rig, change: Partial<UnaryWish> = {}): UnaryLease {
  const { answer } = call(rig, change);
  if (answer === undefined || !('lease' in answer)) throw new Error(`no lease: ${JSON.stringify(answer)}`);
  return answer.lease;
}

const inUse = (rig: Rig): number => [...rig.pool.keys.keys()].reduce((sum, id) => sum + slotsInUse(rig.pool, id), 0);

describe('acquiring', () => {
  test('gives a key in turn, with its secret and way, and keeps nothing back', () => {
    const rig = new Rig([record('k0', { bindings: [binding('p')] }), record('k1')], { proxies: [proxy('p')] });
    const got = Array.from({ length: 10 }, () => lease(rig));
    expect(got.slice(0, 4).map(({ keyId }) => keyId)).toEqual(['k0', 'k1', 'k0', 'k1']);
    expect(got[0]).toMatchObject({ secret: 'secret of k0', endpoint: 'primary', proxyId: 'p', service: 'svc' });
    expect(got[0]?.id.startsWith('k0/')).toBe(true);
    expect([rig.desk.size, inUse(rig)]).toEqual([10, 10]);
    for (const { id } of got) rig.desk.release(id, 'svc', rig.nowMs);
    rig.settle();
    expect([rig.desk.size, inUse(rig)]).toEqual([0, 0]);
    expect(rig.pool.owner.scopes.get('k0')?.shares.size).toBe(0);
  });

  test('waits for a slot, and takes it when somebody releases one', () => {
    const rig = new Rig([record('k0', { terms: { slots: 1 } })]);
    const first = lease(rig);
    const waiting = call(rig);
    rig.advance(100);
    expect(waiting.answer).toBeUndefined();
    rig.desk.release(first.id, 'svc', rig.nowMs);
    rig.settle();
    expect(waiting.answer).toHaveProperty('lease.keyId', 'k0');
  });

  test('is refused after the wait, and at once where waiting cannot help', () => {
    const rig = new Rig([record('k0', { terms: { slots: 1, allowedModels: ['m'] } })]);
    lease(rig);
    const waiting = call(rig, { model: 'm' });
    rig.advance(260);
    expect(waiting.answer).toEqual({ refused: 'slots', retryAfterMs: undefined });
    expect(call(rig, { model: 'x' }).answer).toEqual({ refused: 'none_available', retryAfterMs: undefined });
    operateKey(rig.pool, 'k0', { type: 'disable', ...by }, rig.nowMs);
    expect(call(rig).answer).toEqual({ refused: 'none_available', retryAfterMs: undefined });
  });

  test('gets another key when the one that was granted was disabled in the same moment', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const asked: { answer?: UnaryAnswer } = {};
    const wish = { service: 'svc', model: '', keyId: 'k0', exclude: [], tokens: 0 };
    rig.desk.acquire(wish, { leaseId: (id) => id, answer: (answer) => (asked.answer = answer) }, rig.nowMs);
    operateKey(rig.pool, 'k0', { type: 'disable', ...by }, rig.nowMs);
    rig.settle();
    expect(asked.answer).toHaveProperty('lease.keyId', 'k1');
    expect([slotsInUse(rig.pool, 'k0'), slotsInUse(rig.pool, 'k1')]).toEqual([0, 1]);
  });

  test('keeps rates per minute to the unit', () => {
    const rig = new Rig([record('k0', { terms: { requestsPerMinute: 3, tokensPerMinute: 1000 } })]);
    const first = lease(rig, { tokens: 400 });
    rig.desk.used(first.id, 100);
    rig.desk.release(first.id, 'svc', rig.nowMs);
    rig.settle();
    lease(rig, { tokens: 400 });
    lease(rig, { tokens: 400 });
    const fourth = call(rig, { tokens: 10 });
    rig.advance(260);
    expect(fourth.answer).toMatchObject({ refused: 'slots' });
    rig.advance(60_000, 500);
    expect(call(rig, { tokens: 10 }).answer).toHaveProperty('lease.keyId', 'k0');
  });

  test('leaves nothing behind when nobody waits for the answer any more', () => {
    const rig = new Rig([record('k0', { terms: { slots: 1 } })]);
    const first = lease(rig);
    const waiting = call(rig);
    waiting.abandon();
    rig.desk.release(first.id, 'svc', rig.nowMs);
    rig.advance(20);
    expect([waiting.answer, inUse(rig), rig.desk.size]).toEqual([undefined, 0, 0]);
    expect(call(rig).answer).toHaveProperty('lease');
  });

  test('tells everybody who waits that the pool has another owner now', () => {
    const rig = new Rig([record('k0', { terms: { slots: 1 } })]);
    lease(rig);
    const waiting = call(rig);
    rig.desk.close();
    expect(waiting.answer).toEqual({ refused: 'unavailable', retryAfterMs: undefined });
  });
});

describe('renewing', () => {
  test('keeps a lease beyond its ttl, and without it the slot is free again', () => {
    const rig = new Rig([record('k0', { terms: { slots: 2 } })]);
    const [kept, left] = [lease(rig), lease(rig)];
    rig.advance(10_000, 100);
    expect(rig.desk.renew(kept.id, 'svc', rig.nowMs)).toBe('renewed');
    rig.advance(5_200, 100);
    expect(rig.desk.renew(left.id, 'svc', rig.nowMs)).toBe('unknown');
    expect([rig.desk.lease(left.id), inUse(rig)]).toEqual([undefined, 1]);
    expect(rig.desk.renew(kept.id, 'svc', rig.nowMs)).toBe('renewed');
  });

  test('says that the key is not to be used any more', () => {
    const rig = new Rig([record('k0'), record('k1')]);
    const [one, other] = [lease(rig), lease(rig)];
    operateKey(rig.pool, 'k0', { type: 'disable', ...by }, rig.nowMs);
    expect(rig.desk.renew(one.id, 'svc', rig.nowMs)).toBe('revoked');
    expect(rig.desk.renew(other.id, 'svc', rig.nowMs)).toBe('renewed');
    rig.change([]);
    expect(rig.desk.renew(other.id, 'svc', rig.nowMs)).toBe('revoked');
  });

  test('says so too when the proxy of the lease is dead', () => {
    const rig = new Rig([record('k0', { bindings: [binding('p')] })], { proxies: [proxy('p')] });
    const { id } = lease(rig);
    for (let at = 0; at < 3; at += 1) tellProxy(rig.pool, 'p', { type: 'check', ok: false }, rig.nowMs);
    expect(rig.desk.renew(id, 'svc', rig.nowMs)).toBe('revoked');
  });

  test('knows no lease of somebody else, nor one that was never granted', () => {
    const rig = new Rig([record('k0')]);
    const { id } = lease(rig);
    expect([rig.desk.renew(id, 'other', rig.nowMs), rig.desk.renew('x', 'svc', rig.nowMs)]).toEqual([
      'unknown',
      'unknown',
    ]);
    rig.desk.release(id, 'other', rig.nowMs);
    expect(rig.desk.size).toBe(1);
  });
});

describe('a lease of the owner before', () => {
  const next = (slots: number): Rig =>
    new Rig([record('k0', { terms: { slots } }), record('k1')], { pool: { term: 2 } });
  const old = { id: 'old', keyId: 'k0', service: 'svc' };

  test('takes its slot along, once, and is renewed like any other', () => {
    const rig = next(1);
    expect(rig.desk.adopt(old, rig.nowMs)).toBe(true);
    expect(rig.desk.adopt(old, rig.nowMs)).toBe(true);
    rig.settle();
    expect([rig.desk.renew('old', 'svc', rig.nowMs), slotsInUse(rig.pool, 'k0')]).toEqual(['renewed', 1]);
    rig.desk.release('old', 'svc', rig.nowMs);
    rig.settle();
    expect(slotsInUse(rig.pool, 'k0')).toBe(0);
  });

  test('is refused where its key has no slot left, may not be used, or is gone', () => {
    const rig = next(1);
    lease(rig, { keyId: 'k0' });
    expect(rig.desk.adopt(old, rig.nowMs)).toBe(true);
    rig.advance(300);
    expect(rig.desk.adopt(old, rig.nowMs)).toBe(false);
    expect(rig.desk.adopt({ ...old, id: 'other', keyId: 'gone' }, rig.nowMs)).toBe(false);
    operateKey(rig.pool, 'k1', { type: 'disable', ...by }, rig.nowMs);
    rig.desk.adopt({ ...old, id: 'off', keyId: 'k1' }, rig.nowMs);
    rig.settle();
    expect(rig.desk.adopt({ ...old, id: 'off', keyId: 'k1' }, rig.nowMs)).toBe(false);
    expect(slotsInUse(rig.pool, 'k1')).toBe(0);
  });

  test('that is released before it was adopted takes nothing', () => {
    const rig = next(1);
    const { id } = lease(rig, { keyId: 'k0' });
    rig.desk.adopt(old, rig.nowMs);
    rig.desk.release('old', 'svc', rig.nowMs);
    rig.desk.release(id, 'svc', rig.nowMs);
    rig.settle();
    expect([slotsInUse(rig.pool, 'k0'), rig.desk.size]).toEqual([0, 0]);
  });
});

describe('a probe', () => {
  function halfOpen(): Rig {
    const rig = new Rig([record('k0'), record('k1')]);
    rig.report('k0', 'rate_limited', { retryAfterMs: 1_000 });
    rig.advance(1_010);
    return rig;
  }

  test('is given to a lease that wants no other', () => {
    const rig = halfOpen();
    const probe = lease(rig);
    expect(probe).toMatchObject({ keyId: 'k0', probe: {}, generation: rig.key('k0').state.generation });
    rig.report('k0', 'success', { generation: probe.generation });
    expect(rig.key('k0').state.status).toBe('healthy');
    // it is not a probe any more, and its end says nothing
    rig.desk.release(probe.id, 'svc', rig.nowMs);
    rig.settle();
    expect(rig.key('k0').state.status).toBe('healthy');
  });

  test('that is given up, or ends without a verdict, is soon given to somebody else', () => {
    const rig = halfOpen();
    const { id } = lease(rig);
    rig.desk.release(id, 'svc', rig.nowMs);
    rig.advance(2_050);
    const asked = call(rig);
    expect(asked.answer).toHaveProperty('lease.keyId', 'k0');
    const wish = { service: 'svc', model: '', keyId: '', exclude: [], tokens: 0 };
    rig.desk.release(rig.desk.lease(leaseIdOf(asked)) === undefined ? '' : leaseIdOf(asked), 'svc', rig.nowMs);
    rig.advance(4_050);
    // granted, and gone before the answer came
    const { abandon } = rig.desk.acquire(wish, { leaseId: (keyId) => keyId, answer: () => undefined }, rig.nowMs);
    abandon();
    rig.settle();
    expect(rig.key('k0').state.probe).toBeUndefined();
    expect([inUse(rig), rig.desk.size]).toEqual([0, 0]);
  });
});

function leaseIdOf({ answer }: Call): string {
  return answer !== undefined && 'lease' in answer ? answer.lease.id : '';
}

test('a desk that was silent for too long goes on with what it has', () => {
  const rig = new Rig([record('k0', { terms: { slots: 2 } })]);
  const { id } = lease(rig);
  // the machine slept: its leases are over, and its slots
  rig.nowMs += 14_000;
  rig.desk.renew(id, 'svc', rig.nowMs);
  rig.nowMs += 4_000;
  rig.advance(1_000);
  expect(rig.desk.renew(id, 'svc', rig.nowMs)).toBe('renewed');
  expect(slotsInUse(rig.pool, 'k0')).toBe(1);
  const more = lease(rig);
  expect(more.keyId).toBe('k0');
  const third = call(rig);
  rig.advance(300);
  expect(third.answer).toMatchObject({ refused: 'slots' });
});
