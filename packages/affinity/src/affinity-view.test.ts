import { expect, test } from 'vitest';
import { toDelta } from './affinity-delta.ts';
import { AffinityView } from './affinity-view.ts';

const all = new Map<number, string | undefined>([
  [0, 'a'],
  [1, 'b'],
  [2, undefined],
  [3, 'a'],
]);

test('nothing is known before a snapshot has come', () => {
  const view = new AffinityView();
  expect([view.size, view.lookup(7)]).toEqual([0, undefined]);
  expect(view.applyDelta(toDelta(new Map([[0, 'a']]), { from: 1, version: 2, buckets: 4 }))).toBe('gap');
});

test('a delta applies to the version that it names and to no other', () => {
  const view = new AffinityView();
  expect(view.applyDelta(toDelta(all, { from: undefined, version: 5, buckets: 4 }))).toBe('applied');
  expect([0, 1, 2, 3, 4].map((hash) => view.lookup(hash))).toEqual(['a', 'b', undefined, 'a', 'a']);
  expect(view.applyDelta(toDelta(new Map([[2, 'c']]), { from: 4, version: 5, buckets: 4 }))).toBe('old');
  expect(view.applyDelta(toDelta(new Map([[2, 'c']]), { from: 6, version: 7, buckets: 4 }))).toBe('gap');
  expect(view.lookup(2)).toBeUndefined();
  expect(view.applyDelta(toDelta(new Map([[2, 'c']]), { from: 5, version: 6, buckets: 4 }))).toBe('applied');
  expect(view.lookup(2)).toBe('c');
});
