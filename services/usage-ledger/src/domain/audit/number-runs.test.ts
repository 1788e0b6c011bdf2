import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NumberRuns, countOf, describeRuns } from './number-runs.ts';

const number = fc.bigInt({ min: 1n, max: 60n });
const run = fc.tuple(number, fc.bigInt({ min: 0n, max: 9n })).map(([first, more]) => ({ first, last: first + more }));
const step = fc.oneof(
  number.map((one) => ({ one })),
  run.map((many) => ({ many })),
);

test('a set of runs is what a set of numbers is, in whatever order they come', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), run, (steps, asked) => {
      const [runs, set] = [new NumberRuns(), new Set<bigint>()];
      for (const each of steps) {
        if ('one' in each) {
          expect(runs.add(each.one)).toBe(!set.has(each.one));
          set.add(each.one);
        } else {
          runs.addRun(each.many);
          for (let at = each.many.first; at <= each.many.last; at += 1n) set.add(at);
        }
      }
      expect(countOf(runs.runs)).toBe(set.size);
      for (let at = 0n; at < 80n; at += 1n) expect(runs.has(at)).toBe(set.has(at));
      for (const [at, each] of runs.runs.entries())
        expect(each.first).toBeGreaterThan((runs.runs[at - 1]?.last ?? -2n) + 1n);
      const missing = new NumberRuns(runs.holes(asked));
      for (let at = 0n; at < 80n; at += 1n)
        expect(missing.has(at)).toBe(at >= asked.first && at <= asked.last && !set.has(at));
    }),
  );
});

test('runs are named shortly', () => {
  expect(
    describeRuns([
      { first: 3n, last: 3n },
      { first: 5n, last: 7n },
    ]),
  ).toBe('3, 5..7');
  const many = Array.from({ length: 9 }, (_, at) => ({ first: BigInt(at * 2), last: BigInt(at * 2) }));
  expect(describeRuns(many)).toBe('0, 2, 4, 6, 8 and more');
});
