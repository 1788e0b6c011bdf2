import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_MARK, advanceMark } from './mark.ts';

test('in whatever order and however often events come, upTo is the highest number below which none is missing', () => {
  const numbers = fc.array(fc.bigInt({ min: 1n, max: 40n }), { maxLength: 120 });
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 10 }), (all, batch) => {
      let mark = EMPTY_MARK;
      for (let at = 0; at < all.length; at += batch) mark = advanceMark(mark, all.slice(at, at + batch));
      const seen = new Set(all);
      let upTo = 0n;
      while (seen.has(upTo + 1n)) upTo += 1n;
      const ahead = [...seen].filter((number) => number > upTo).toSorted((a, b) => (a < b ? -1 : 1));
      expect(mark).toEqual({ upTo, ahead });
    }),
  );
});
