import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COLUMNS, COST, FigureTable, LIST_COST, putAmount } from './figure-table.ts';
import { COUNTS, addFailures, addFigures, noFigures, type Figures } from './figures.ts';

const amount = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 62n }),
  fc.bigInt({ min: 2n ** 52n - 2n, max: 2n ** 53n + 2n }),
);
const addition = fc.record({
  slot: fc.nat({ max: 200 }),
  counts: fc.array(fc.nat({ max: 2 ** 40 }), { minLength: COUNTS.length, maxLength: COUNTS.length }),
  costNanoUsd: amount,
  listCostNanoUsd: amount,
  failures: fc.dictionary(fc.constantFrom('timeout', 'rate_limited', 'other'), fc.nat({ max: 1_000 })),
});

test('a table has the sums that adding one by one has, to the unit', () => {
  fc.assert(
    fc.property(fc.array(addition, { maxLength: 60 }), (additions) => {
      const table = new FigureTable();
      for (let slot = 0; slot <= 200; slot += 1) expect(table.newSlot()).toBe(slot);
      const expected = new Map<number, Figures>();
      for (const { slot, counts, failures, ...costs } of additions) {
        const row = new Float64Array(COLUMNS);
        row.set(counts);
        putAmount(row, COST, costs.costNanoUsd);
        putAmount(row, LIST_COST, costs.listCostNanoUsd);
        table.add(slot, row);
        const more: Figures = { ...noFigures(), ...costs };
        for (const [column, name] of COUNTS.entries()) more[name] = counts[column] ?? 0;
        for (const [kind, count] of Object.entries(failures)) {
          table.addFailures(slot, table.kindOf(kind), count);
          if (count > 0) addFailures(more, kind, count);
        }
        addFigures(expected.getOrInsertComputed(slot, noFigures), more);
      }
      for (let slot = 0; slot <= 200; slot += 1)
        expect(table.figuresOf(slot)).toEqual(expected.get(slot) ?? noFigures());
    }),
    { numRuns: 300 },
  );
});
