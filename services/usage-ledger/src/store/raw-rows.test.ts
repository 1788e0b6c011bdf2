import { BSON, Long } from 'mongodb';
import { expect, test } from 'vitest';
import { FigureTable } from '../domain/figure-table.ts';
import { noFigures } from '../domain/figures.ts';
import { RawFigureRow } from './raw-rows.ts';

test('a total is read in whatever order its fields are, and without those that nobody knows', () => {
  const total = {
    fail: { timeout: 2 },
    list: Long.fromBigInt(2n ** 60n + 1n),
    unknown: 7,
    cost: 5,
    n: 3,
    in: Long.fromBigInt(2n ** 40n),
  };
  const table = new FigureTable();
  const slot = table.newSlot();
  const document = { start: new Date(0), site: 's', total };
  const row = new RawFigureRow(Buffer.from(BSON.serialize(document)), ['model', 'site']);
  row.addTotal(table, slot);
  expect(row).toMatchObject({ startMs: 0, values: ['', 's'] });
  expect(table.figuresOf(slot)).toEqual({
    ...noFigures(),
    requests: 3,
    input: 2 ** 40,
    costNanoUsd: 5n,
    listCostNanoUsd: 2n ** 60n + 1n,
    failures: new Map([['timeout', 2]]),
  });
});
