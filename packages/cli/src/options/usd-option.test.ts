import { expect, test } from 'vitest';
import { parseUsd } from './usd-option.ts';

test.each([
  ['12.50', 12_500_000_000n],
  ['0.000000001', 1n],
  ['-5', -5_000_000_000n],
  ['999999999', 999_999_999_000_000_000n],
])('%s USD is %s nano-USD', (text, nano) => {
  expect(parseUsd(text)).toBe(nano);
});

test.each(['', '1e3', '$5', '1,50', '.5', '0.0000000001', '1234567890', 'ten'])('%j is no amount', (text) => {
  expect(parseUsd(text)).toBeUndefined();
});
