import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseNano } from './money.ts';
import { costNanoUsd, type Price, type Rates } from './price.ts';
import type { Tokens } from './tokens.ts';

const tokens = (part: Partial<Tokens>): Tokens => ({
  input: 0n,
  output: 0n,
  cacheWrite5m: 0n,
  cacheWrite1h: 0n,
  cacheRead: 0n,
  ...part,
});

const rates = (input: string, output: string, write5m: string, write1h: string, read: string): Rates => ({
  input: parseNano(input),
  output: parseNano(output),
  cacheWrite5m: parseNano(write5m),
  cacheWrite1h: parseNano(write1h),
  cacheRead: parseNano(read),
});

describe('the cost of a request', () => {
  test('is exact and rounded once, half up', () => {
    const price: Price = {
      rates: rates('3.30', '16.50', '4.13', '0', '0.33'),
      tiers: [],
      multiplierNano: parseNano('1.05'),
    };
    const used = tokens({ input: 1n, output: 1_048n, cacheWrite5m: 1_558n, cacheRead: 62_745n });
    // 44,435.69 USD per million, times 1.05, is 46,657,474.5 nano-USD
    expect(costNanoUsd(used, price)).toBe(46_657_475n);
  });

  test('follows the tier of the whole input, cache included', () => {
    const price: Price = {
      rates: rates('2', '12', '2', '2', '0.2'),
      tiers: [{ aboveInputTokens: 200_000n, ...rates('4', '18', '4', '4', '0.4') }],
      multiplierNano: parseNano('1'),
    };
    expect(costNanoUsd(tokens({ input: 100_000n, cacheRead: 100_000n }), price)).toBe(220_000_000n);
    expect(costNanoUsd(tokens({ input: 100_001n, cacheRead: 100_000n }), price)).toBe(440_004_000n);
  });

  describe('with a price of each request', () => {
    const price: Price = {
      rates: rates('3', '15', '0', '0', '0'),
      tiers: [],
      perRequest: parseNano('0.01'),
      multiplierNano: parseNano('1.05'),
    };

    test('has it added and multiplied, and is rounded once', () => {
      // $0.01 and 1 token at 3 are 10,003,000 nano-USD, times 1.05
      expect(costNanoUsd(tokens({ input: 1n }), price)).toBe(10_503_150n);
      // half a nano-USD of each part is one together
      const halves: Price = { ...price, rates: rates('0.000001', '0', '0', '0', '0'), perRequest: 1n };
      expect(costNanoUsd(tokens({ input: 1_000n }), { ...halves, multiplierNano: parseNano('0.5') })).toBe(1n);
    });

    test('is nothing for a request that used nothing', () => {
      expect(costNanoUsd(tokens({}), price)).toBe(0n);
    });
  });

  test('agrees with whole-number arithmetic on decimal digits', () => {
    const amount = fc.bigInt({ min: 0n, max: 10_000_000n });
    const rate = fc.integer({ min: 0, max: 999_999 }).map((cents) => (cents / 100).toFixed(2));
    fc.assert(
      fc.property(
        fc.record({ input: amount, output: amount }),
        rate,
        rate,
        fc.integer({ min: 0, max: 500 }),
        (used, input, output, percent) => {
          const price: Price = {
            rates: rates(input, output, '0', '0', '0'),
            tiers: [],
            multiplierNano: BigInt(percent) * 10_000_000n,
          };
          // in cents per million tokens and per cent: the cost in nano-USD is that sum / 10, since 1e9 / (1e2 * 1e6 * 1e2) = 1/10
          const sum =
            (used.input * BigInt(Math.round(Number(input) * 100)) +
              used.output * BigInt(Math.round(Number(output) * 100))) *
            BigInt(percent);
          const expected = sum / 10n + (sum % 10n >= 5n ? 1n : 0n);
          expect(costNanoUsd(tokens(used), price)).toBe(expected);
        },
      ),
    );
  });
});

test.each([
  ['3.75', 3_750_000_000n],
  ['0.000000001', 1n],
  ['-2.5', -2_500_000_000n],
  ['12', 12_000_000_000n],
])('%s is %s billionths', (text, nano) => {
  expect(parseNano(text)).toBe(nano);
});

test.each(['', '1.', '.5', '1e3', '0.0000000001', 'NaN'])('%j is refused as money', (text) => {
  expect(() => parseNano(text)).toThrow(RangeError);
});
