import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  decimalUsd,
  formatCount,
  formatExactTime,
  formatMs,
  formatNumberOf,
  formatRelative,
  formatTime,
  formatUsd,
} from './format.ts';

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

test.each([
  [0, 'now'],
  [1_000, 'in 1 s'],
  [119_000, 'in 119 s'],
  [5 * 60_000, 'in 5 min'],
  [-3 * 3_600_000, '3 h ago'],
  [24 * 3_600_000, 'in 24 h'],
  [-9 * 86_400_000, '9 d ago'],
])('%d ms from now is "%s"', (ms, text) => {
  expect(formatRelative(new Date(1_000_000_000_000 + ms), 1_000_000_000_000)).toBe(text);
});

test('things are counted', () => {
  expect([formatNumberOf(1, 'key'), formatNumberOf(0, 'key'), formatNumberOf(1_200, 'proxy', 'proxies')]).toEqual([
    '1 key',
    '0 keys',
    '1,200 proxies',
  ]);
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
