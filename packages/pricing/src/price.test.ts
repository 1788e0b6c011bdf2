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

/** A fraction in lowest terms: no units, no scaling, no rounding but at the end. */
class Ratio {
  readonly top: bigint;
  readonly bottom: bigint;

  constructor(top: bigint, bottom = 1n) {
    let [a, b] = [top < 0n ? -top : top, bottom];
    while (b !== 0n) [a, b] = [b, a % b];
    const divisor = a === 0n ? 1n : a;
    this.top = top / divisor;
    this.bottom = bottom / divisor;
  }

  /** Of a decimal number, digit by digit. */
  static of(decimal: string): Ratio {
    let [top, bottom, isFraction] = [0n, 1n, false];
    for (const character of decimal) {
      if (character === '.') {
        isFraction = true;
        continue;
      }
      top = top * 10n + BigInt(character);
      if (isFraction) bottom *= 10n;
    }
    return new Ratio(top, bottom);
  }

  plus(other: Ratio): Ratio {
    return new Ratio(this.top * other.bottom + other.top * this.bottom, this.bottom * other.bottom);
  }

  times(other: Ratio): Ratio {
    return new Ratio(this.top * other.top, this.bottom * other.bottom);
  }

  /** The whole number that is nearest; of two, the upper one. */
  rounded(): bigint {
    const [whole, rest] = [this.top / this.bottom, this.top % this.bottom];
    return rest + rest >= this.bottom ? whole + 1n : whole;
  }
}

const KINDS = ['input', 'output', 'cacheWrite5m', 'cacheWrite1h', 'cacheRead'] as const;

/** As people write prices: USD per million tokens and per request, a factor. */
interface WrittenPrice {
  readonly rates: Readonly<Record<(typeof KINDS)[number], string>>;
  readonly tiers: readonly { readonly above: bigint; readonly rates: WrittenPrice['rates'] }[];
  readonly perRequest: string;
  readonly multiplier: string;
}

function exactCost(used: Tokens, price: WrittenPrice): bigint {
  const whole = used.input + used.cacheRead + used.cacheWrite1h + used.cacheWrite5m;
  if (KINDS.every((kind) => used[kind] === 0n)) return 0n;
  const reached = price.tiers.filter(({ above }) => above < whole).toSorted((a, b) => Number(b.above - a.above));
  const valid = reached[0]?.rates ?? price.rates;
  const usd = KINDS.map((kind) => Ratio.of(valid[kind]).times(new Ratio(used[kind], 1_000_000n)))
    .reduce((sum, part) => sum.plus(part), Ratio.of(price.perRequest))
    .times(Ratio.of(price.multiplier));
  return usd.times(new Ratio(1_000_000_000n)).rounded();
}

function toPrice({ rates: written, tiers, perRequest, multiplier }: WrittenPrice): Price {
  const toRates = (of: WrittenPrice['rates']): Rates =>
    rates(of.input, of.output, of.cacheWrite5m, of.cacheWrite1h, of.cacheRead);
  return {
    rates: toRates(written),
    tiers: tiers.map((tier) => ({ aboveInputTokens: tier.above, ...toRates(tier.rates) })),
    perRequest: parseNano(perRequest),
    multiplierNano: parseNano(multiplier),
  };
}

describe('a cost agrees with exact fractions', () => {
  test('in the example that is written down', () => {
    const written: WrittenPrice = {
      rates: { input: '3.30', output: '16.50', cacheWrite5m: '4.13', cacheWrite1h: '0', cacheRead: '0.33' },
      tiers: [],
      perRequest: '0',
      multiplier: '1.05',
    };
    const used = tokens({ input: 1n, output: 1_048n, cacheWrite5m: 1_558n, cacheRead: 62_745n });
    expect(exactCost(used, written)).toBe(46_657_475n);
    expect(costNanoUsd(used, toPrice(written))).toBe(46_657_475n);
  });

  test('whatever the rates, tiers, price of a request, multiplier and tokens are', () => {
    const decimal = (whole: number, digits: number): fc.Arbitrary<string> =>
      fc
        .tuple(
          fc.nat({ max: whole }),
          fc.array(fc.nat({ max: 9 }), { maxLength: digits }).map((list) => list.join('')),
        )
        .map(([integer, fraction]) => (fraction === '' ? `${integer}` : `${integer}.${fraction}`));
    const someRates = fc.record({
      input: decimal(200, 9),
      output: decimal(200, 9),
      cacheWrite5m: decimal(200, 4),
      cacheWrite1h: decimal(200, 4),
      cacheRead: decimal(20, 9),
    });
    const count = fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 9n }), fc.bigInt({ min: 0n, max: 3_000_000n }));
    const used = fc.record({
      input: count,
      output: count,
      cacheWrite5m: count,
      cacheWrite1h: count,
      cacheRead: count,
    });
    const written: fc.Arbitrary<WrittenPrice> = fc.record({
      rates: someRates,
      tiers: fc
        .uniqueArray(fc.bigInt({ min: 0n, max: 2_000_000n }), { maxLength: 3 })
        .chain((bounds) =>
          fc.tuple(
            ...bounds
              .toSorted((a, b) => (a < b ? -1 : 1))
              .map((above) => fc.record({ above: fc.constant(above), rates: someRates })),
          ),
        ),
      perRequest: decimal(1, 9),
      multiplier: decimal(3, 9),
    });
    fc.assert(
      fc.property(used, written, (some, price) => {
        expect(costNanoUsd(some, toPrice(price))).toBe(exactCost(some, price));
        // also right at the bounds of the tiers, where rates change
        for (const { above } of price.tiers) {
          for (const input of [above, above + 1n]) {
            expect(costNanoUsd(tokens({ input }), toPrice(price))).toBe(exactCost(tokens({ input }), price));
          }
        }
      }),
      { numRuns: 2_000 },
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
