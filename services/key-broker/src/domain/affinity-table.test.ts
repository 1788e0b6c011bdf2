import { AffinityView, bucketOf } from '@omg/affinity';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AFFINITY_DEFAULTS, AffinityTable } from './affinity-table.ts';

const { stickyMs } = AFFINITY_DEFAULTS;
const SMALL = { minBuckets: 64, minBucketsPerKey: 4, stickyMs };
const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `k${i}`);

function keysOf(table: AffinityTable): (string | undefined)[] {
  return Array.from({ length: table.size }, (_, bucket) => table.keyOf(bucket));
}

function bucketsOf(table: AffinityTable, keyId: string): number[] {
  return keysOf(table).flatMap((id, bucket) => (id === keyId ? [bucket] : []));
}

describe('the buckets of a key that goes', () => {
  test('move to the least loaded key where they are in use, and stay there when it comes back', () => {
    const table = new AffinityTable(SMALL);
    table.update(ids(4), 0);
    const [first = 0, second = 0] = bucketsOf(table, 'k0');
    for (const bucket of [first, second]) table.touch(bucket, 1);
    // k1 and k2 carry more than k3
    for (const id of ['k1', 'k2']) for (const bucket of bucketsOf(table, id).slice(0, 5)) table.touch(bucket, 1);
    table.update(['k1', 'k2', 'k3'], 2);
    expect([first, second].map((bucket) => table.keyOf(bucket))).toEqual(['k3', 'k3']);
    for (const bucket of [first, second]) table.touch(bucket, 3);
    table.update(ids(4), 4);
    expect([first, second].map((bucket) => table.keyOf(bucket))).toEqual(['k3', 'k3']);
  });

  test('come back when no conversation had a turn while it was away', () => {
    const table = new AffinityTable(SMALL);
    table.update(ids(4), 0);
    const [noticed = 0, unnoticed = 0] = bucketsOf(table, 'k0');
    for (const bucket of [noticed, unnoticed]) table.touch(bucket, 1);
    table.update(ids(4).slice(1), 2);
    table.touch(noticed, 3);
    table.update(ids(4), 4);
    expect(table.keyOf(unnoticed)).toBe('k0');
    expect(table.keyOf(noticed)).not.toBe('k0');
  });

  test('go to the key that takes its place', () => {
    const table = new AffinityTable(SMALL);
    table.update(ids(4), 0);
    const before = bucketsOf(table, 'k0');
    for (const bucket of before.slice(0, 3)) table.touch(bucket, 1);
    table.update(['new', 'k1', 'k2', 'k3'], 2, new Map([['new', 'k0']]));
    expect(bucketsOf(table, 'new')).toEqual(before);
  });

  test('follow the number of keys again when they fell out of use', () => {
    const table = new AffinityTable(SMALL);
    table.update(ids(1), 0);
    for (let bucket = 0; bucket < table.size; bucket += 1) table.touch(bucket, 1);
    table.update(ids(2), 2);
    expect(bucketsOf(table, 'k1')).toEqual([]);
    table.update(ids(2), stickyMs + 2);
    expect(bucketsOf(table, 'k1')).toHaveLength(table.size / 2);
  });
});

test('the table grows with the pool, and conversations stay', () => {
  const table = new AffinityTable(SMALL);
  table.update(ids(16), 0);
  const before = keysOf(table);
  for (let bucket = 0; bucket < table.size; bucket += 1) table.touch(bucket, 0);
  table.update(ids(100), 1);
  expect(table.size).toBe(512);
  for (let hash = 0; hash < 5_000; hash += 1) {
    expect(table.keyOf(bucketOf(hash, table.size))).toBe(before[bucketOf(hash, before.length)]);
  }
});

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('touch' as const), hash: fc.nat({ max: 9_999 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('toggle' as const), key: fc.nat({ max: 19 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rotate' as const), key: fc.nat({ max: 19 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: stickyMs }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose a delta' as const) }) },
);

test('whatever comes and goes: usable keys only, balanced, no move without need, and the deltas tell all of it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const table = new AffinityTable(SMALL);
      const view = new AffinityView();
      const usedAtMs = new Map<number, number>();
      let usable = new Set(ids(8));
      let nowMs = 0;
      let lose = false;
      const update = (replaced?: ReadonlyMap<string, string>): void => {
        const before = keysOf(table);
        const delta = table.update(usable, nowMs, replaced);
        const after = keysOf(table);
        const grown = before.length !== after.length;
        if (delta === undefined) expect(after).toEqual(before);
        else if (lose) lose = false;
        else {
          if (view.applyDelta(delta) === 'gap') expect(view.applyDelta(table.snapshot())).toBe('applied');
          expect(after.map((_, hash) => view.lookup(hash))).toEqual(after);
        }
        // usable
        for (const keyId of after) expect(keyId === undefined ? usable.size === 0 : usable.has(keyId)).toBe(true);
        if (grown) {
          usedAtMs.clear();
          for (const [bucket] of after.entries()) usedAtMs.set(bucket, nowMs);
          return;
        }
        // balanced: who has a bucket that nobody uses has at most one more than any other
        const total = new Map([...usable].map((id) => [id, 0]));
        const isUsed = (bucket: number): boolean => (usedAtMs.get(bucket) ?? -Infinity) + stickyMs > nowMs;
        const hasUnused = new Set<string>();
        for (const [bucket, keyId = ''] of after.entries()) {
          total.set(keyId, (total.get(keyId) ?? 0) + 1);
          if (!isUsed(bucket)) hasUnused.add(keyId);
        }
        const least = Math.min(...total.values());
        for (const keyId of hasUnused) expect((total.get(keyId) ?? 0) - least).toBeLessThanOrEqual(1);
      };
      update();
      for (const now of steps) {
        if (now.do === 'wait') nowMs += now.ms;
        if (now.do === 'lose a delta') lose = true;
        if (now.do === 'touch') {
          const bucket = bucketOf(now.hash, table.size);
          table.touch(bucket, nowMs);
          usedAtMs.set(bucket, nowMs);
        }
        if (now.do === 'toggle') {
          const id = `k${now.key}`;
          if (!usable.delete(id)) usable.add(id);
          update();
        }
        if (now.do === 'rotate' && usable.delete(`k${now.key}`)) {
          const heir = `h${steps.indexOf(now)}`;
          usable = new Set([...usable, heir]);
          update(new Map([[heir, `k${now.key}`]]));
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('one key going moves its own buckets and no other; one coming takes no more than its part, and none that is used', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 30 }),
      fc.nat(),
      fc.array(fc.nat({ max: 4_095 }), { maxLength: 3_000 }),
      (count, pick, touched) => {
        const table = new AffinityTable(AFFINITY_DEFAULTS);
        const all = ids(count);
        table.update(all, 0);
        for (const bucket of touched) table.touch(bucket, 1);
        const gone = `k${pick % count}`;
        const before = keysOf(table);
        table.update(
          all.filter((id) => id !== gone),
          2,
        );
        const without = keysOf(table);
        for (const [bucket, id] of before.entries()) {
          // evening out may move what nobody uses
          if (id !== gone && touched.includes(bucket)) expect(without[bucket]).toBe(id);
        }
        const others = before.filter((id, bucket) => id !== gone && without[bucket] !== id).length;
        const usedOfGone = new Set(touched.filter((bucket) => before[bucket] === gone)).size;
        expect(others).toBeLessThanOrEqual(usedOfGone);
        for (const bucket of touched) table.touch(bucket, 3);
        table.update([...all, 'new'], 4);
        const back = keysOf(table);
        for (const bucket of touched) expect(back[bucket]).toBe(without[bucket]);
        const moved = back.filter((id, bucket) => id !== without[bucket]).length;
        expect(moved).toBeLessThanOrEqual(2 * Math.ceil(table.size / count));
      },
    ),
    { numRuns: 50 },
  );
});

test('a holder drops what it knows already and asks for everything when it missed something', () => {
  const table = new AffinityTable(SMALL);
  const first = table.update(ids(3), 0);
  const second = table.update(ids(4), 0);
  const third = table.update(ids(5), 0);
  if (first === undefined || second === undefined || third === undefined) throw new Error('the deltas are missing');
  const view = new AffinityView();
  expect(view.lookup(7)).toBeUndefined();
  expect(view.applyDelta(second)).toBe('gap');
  view.applyDelta(table.snapshot());
  expect(view.applyDelta(third)).toBe('old');
  const fourth = table.update(ids(6), 0);
  const fifth = table.update(ids(7), 0);
  if (fourth === undefined || fifth === undefined) throw new Error('the deltas are missing');
  expect(view.applyDelta(fifth)).toBe('gap');
  expect(view.applyDelta(fourth)).toBe('applied');
  expect(view.applyDelta(fifth)).toBe('applied');
});
