import { afterEach, beforeEach, expect, test } from 'vitest';
import { decimalUsd, formatCount, formatExactTime, formatMs, formatTime, formatUsd } from './format.ts';

test.each([
  [0n, '$0.00'],
  [1n, '$0.000000001'],
  [46_657_475n, '$0.046657475'],
  [100_000_000_000n, '$100.00'],
  [1_234_567_500_000_000n, '$1,234,567.50'],
  [-1_500_000_000n, '-$1.50'],
  // more than a double can hold
  [9_223_372_036_854_775_807n, '$9,223,372,036.854775807'],
])('money is exact: %d nano-USD', (nanoUsd, text) => {
  expect(formatUsd(nanoUsd)).toBe(text);
  expect(decimalUsd(nanoUsd)).toBe(text.replaceAll(/[$,]/g, ''));
});

test('money in a column has its points below each other', () => {
  expect([1n, 100_000_000_000n].map((nanoUsd) => formatUsd(nanoUsd, 9))).toEqual(['$0.000000001', '$100.000000000']);
});

test('numbers have thousands separators', () => {
  expect([formatCount(62_745n), formatCount(999), formatMs(1_234)]).toEqual(['62,745', '999', '1,234 ms']);
});

let zone: string | undefined;
beforeEach(() => {
  zone = process.env['TZ'];
  process.env['TZ'] = 'Asia/Kolkata';
});
afterEach(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

test('times are in the zone of whoever reads', () => {
  const time = new Date('2026-11-20T20:00:01.005Z');
  expect(formatTime(time)).toBe('2026-11-21 01:30:01');
  expect(formatExactTime(time)).toBe('2026-11-21 01:30:01.005 +05:30');
  expect([formatTime(undefined), formatExactTime(undefined)]).toEqual(['-', '-']);
});
