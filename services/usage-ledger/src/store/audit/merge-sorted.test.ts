import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupSorted, mergeSorted, type Keyed } from './merge-sorted.ts';

async function* listOf(keys: readonly string[]): AsyncIterable<Keyed<string>> {
  for (const key of keys) yield await Promise.resolve([key, `of ${key}`] as const);
}

// beyond the basic plane the order of bytes is another one than that of JavaScript's strings
const keys = fc
  .uniqueArray(fc.string({ unit: fc.constantFrom('a', 'b', '\uFF5E', '\u{1F600}'), maxLength: 3 }))
  .map((list) => list.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));

test('every key of either list comes once, with what each has of it', async () => {
  await fc.assert(
    fc.asyncProperty(keys, keys, async (left, right) => {
      const merged = await Array.fromAsync(mergeSorted(listOf(left), listOf(right)));
      expect(merged.map(({ key }) => key).toSorted()).toEqual([...new Set([...left, ...right])].toSorted());
      for (const { key, left: a, right: b } of merged) {
        expect(a).toBe(left.includes(key) ? `of ${key}` : undefined);
        expect(b).toBe(right.includes(key) ? `of ${key}` : undefined);
      }
    }),
  );
});

test('values of the same key are put together', async () => {
  const groups = await Array.fromAsync(groupSorted(listOf(['a', 'a', 'b', 'c', 'c'])));
  expect(groups.map(([key, values]) => [key, values.length])).toEqual([
    ['a', 2],
    ['b', 1],
    ['c', 2],
  ]);
  expect(await Array.fromAsync(groupSorted(listOf([])))).toEqual([]);
});
