import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_MARK, advanceMark, isMarked } from './mark.ts';

test('in whatever order and however often events come, upTo is the highest number below which none is missing', () => {
  const numbers = fc.array(fc.bigInt({ min: 1n, max: 40n }), { maxLength: 120 });
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 10 }), (all, batch) => {
      let mark = EMPTY_MARK;
      for (let at = 0; at < all.length; at += batch) mark = advanceMark(mark, all.slice(at, at + batch));
      const seen = new Set(all);
      let upTo = 0n;
      while (seen.has(upTo + 1n)) upTo += 1n;
      expect(mark.upTo).toBe(upTo);
      const ahead = mark.ahead.flatMap(({ first, last }) =>
        Array.from({ length: Number(last - first) + 1 }, (_, offset) => first + BigInt(offset)),
      );
      for (let number = 1n; number <= 41n; number += 1n) expect(isMarked(mark, number)).toBe(seen.has(number));
      expect(ahead).toEqual([...seen].filter((number) => number > upTo).toSorted((a, b) => (a < b ? -1 : 1)));
    }),
  );
});

test('one number that never comes costs no more room however many follow', () => {
  let mark = EMPTY_MARK;
  for (let number = 2n; number <= 1_000n; number += 1n) mark = advanceMark(mark, [number]);
  expect(mark).toEqual({ upTo: 0n, ahead: [{ first: 2n, last: 1_000n }] });
  expect(advanceMark(mark, [1n])).toEqual({ upTo: 1_000n, ahead: [] });
});
