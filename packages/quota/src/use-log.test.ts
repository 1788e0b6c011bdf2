import { expect, test } from 'vitest';
import { EXACT_BUCKETS, WINDOW_MS } from './timing.ts';
import { UseLog } from './use-log.ts';

test('reports each use once to the same owner', () => {
  const log = new UseLog();
  log.add(100, 1);
  log.add(900, 2);
  expect(log.report('requests', 1000, 1)).toEqual([
    { dimension: 'requests', ageMs: 900, amount: 1 },
    { dimension: 'requests', ageMs: 100, amount: 2 },
  ]);
  log.add(1100, 3);
  expect(log.report('requests', 2000, 2)).toEqual([{ dimension: 'requests', ageMs: 900, amount: 3 }]);
  expect(log.report('requests', 3000, 3)).toEqual([]);
});

test('reports again what the owner has not seen, and all of a minute to a new one', () => {
  const log = new UseLog();
  log.add(0, 1);
  log.report('requests', 500, 1);
  log.add(1000, 2);
  log.report('requests', 1500, 2);
  log.add(2000, 4);
  expect(log.reportUnseen('requests', 3000, { seen: 1, ref: 3 }).map(({ amount }) => amount)).toEqual([2, 4]);
  expect(log.reportUnseen('requests', 3000, { seen: 3, ref: 4 })).toEqual([]);
  expect(log.reportUnseen('requests', 3000, { seen: 0, ref: 5 }).map(({ amount }) => amount)).toEqual([1, 2, 4]);
  expect(log.reportUnseen('requests', WINDOW_MS + 1000, { seen: 0, ref: 6 }).map(({ amount }) => amount)).toEqual([4]);
});

test('takes together what is dense, and dates it by its last use', () => {
  const log = new UseLog();
  for (let atMs = 0; atMs < 1000; atMs++) log.add(atMs, 1);
  const used = log.report('requests', 1000, 1);
  expect(used.length).toBeLessThan(EXACT_BUCKETS + 25);
  expect(used.reduce((sum, { amount }) => sum + amount, 0)).toBe(1000);
  expect(used.at(-1)?.ageMs).toBe(1);
  expect(log.total(1000)).toBe(1000);
  expect(log.total(1000 + WINDOW_MS)).toBe(0);
  expect(log.isEmpty(1000 + WINDOW_MS)).toBe(true);
});
