import { expect, test } from 'vitest';
import { budgetWindow, type BudgetPeriod } from './budget-window.ts';
import { windowSpending, type SpentBy } from './window-spending.ts';

const spentNow = (period: BudgetPeriod, spentBy: SpentBy): bigint =>
  windowSpending(period, budgetWindow(period, new Date('2026-11-30T23:30:00Z')), spentBy);

test('of a calendar’s window it is what counts in that window, in the budget’s zone', () => {
  const spentBy = {
    'month/UTC/2026-11-01': 5n,
    'month/UTC/2026-12-01': 7n,
    'month/Europe/Berlin/2026-12-01': 11n,
    'day/UTC/2026-11-30': 13n,
  };
  expect(spentNow({ kind: 'month', timeZone: 'UTC' }, spentBy)).toBe(5n);
  expect(spentNow({ kind: 'month', timeZone: 'Europe/Berlin' }, spentBy)).toBe(11n);
  expect(spentNow({ kind: 'day', timeZone: 'UTC' }, spentBy)).toBe(13n);
  expect(spentNow({ kind: 'week', timeZone: 'UTC' }, spentBy)).toBe(0n);
});

test('of a rolling budget it is what counts today and on the days before it, over the ends of months', () => {
  const spentBy = {
    'rolling-3/Europe/Berlin/2026-11-28': 1n,
    'rolling-3/Europe/Berlin/2026-11-29': 2n,
    'rolling-3/Europe/Berlin/2026-12-01': 8n,
    'rolling-3/Europe/Berlin/2026-12-02': 16n,
    'rolling-7/Europe/Berlin/2026-11-30': 32n,
  };
  expect(spentNow({ kind: 'rolling', days: 3, timeZone: 'Europe/Berlin' }, spentBy)).toBe(10n);
});
