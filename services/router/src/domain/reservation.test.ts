import { costNanoUsd, DEFAULT_BOUNDS, type Price, type Tokens } from '@omg/pricing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { affordableOutput, reserve } from './reservation.ts';

const USD = 1_000_000_000n;
const rates = (input: bigint, output: bigint) => ({
  input,
  output,
  cacheWrite5m: (input * 5n) / 4n,
  cacheWrite1h: 2n * input,
  cacheRead: input / 10n,
});
const price: Price = {
  rates: rates(2n * USD, 12n * USD),
  tiers: [{ aboveInputTokens: 1_000n, ...rates(4n * USD, 18n * USD) }],
  multiplierNano: 1_050_000_000n,
};
const usual = { inputPerByte: 0.25, outputP90: 1_000, outputP50: 300 };
const context = { price, bounds: DEFAULT_BOUNDS, usual };
const asked = { bodyBytes: 400, maxOutputTokens: 100, choices: 1, isUnbounded: false };

describe('the worst case', () => {
  test('is never less than what a request can be charged: every token at least a byte, the answer within what it asked for', () => {
    fc.assert(
      fc.property(
        fc.record({
          bytes: fc.nat({ max: 5_000 }),
          max: fc.nat({ max: 5_000 }),
          choices: fc.integer({ min: 1, max: 4 }),
          shares: fc.array(fc.nat({ max: 100 }), { minLength: 5, maxLength: 5 }),
        }),
        ({ bytes, max, choices, shares: [input = 0, write5m = 0, write1h = 0, read = 0, output = 0] }) => {
          const all = Math.max(1, input + write5m + write1h + read);
          const part = (share: number) => BigInt(Math.floor((bytes * share) / all));
          const tokens: Tokens = {
            input: part(input),
            cacheWrite5m: part(write5m),
            cacheWrite1h: part(write1h),
            cacheRead: part(read),
            output: BigInt(Math.floor((max * choices * output) / 100)),
          };
          const { worstNanoUsd } = reserve(
            { bodyBytes: bytes, maxOutputTokens: max, choices, isUnbounded: false },
            context,
          );
          expect(worstNanoUsd).toBeGreaterThanOrEqual(Number(costNanoUsd(tokens, price)));
        },
      ),
    );
  });

  test('of a model that is priced on output only is what the answer may cost, to the unit', () => {
    const outputOnly: Price = { rates: { ...rates(0n, 10n * USD) }, tiers: [], multiplierNano: USD };
    expect(reserve({ ...asked, maxOutputTokens: 1_000 }, { ...context, price: outputOnly }).worstNanoUsd).toBe(
      10_000_000,
    );
  });

  test('counts the whole window where bytes bound nothing, and the most that the model gives where nothing is asked', () => {
    const unbounded = reserve({ ...asked, isUnbounded: true }, context).worstNanoUsd;
    const bounded = reserve({ ...asked, bodyBytes: DEFAULT_BOUNDS.contextWindow }, context).worstNanoUsd;
    expect(unbounded).toBe(bounded);
    const open = reserve({ ...asked, maxOutputTokens: undefined }, context).worstNanoUsd;
    expect(open).toBe(reserve({ ...asked, maxOutputTokens: DEFAULT_BOUNDS.maxOutputTokens }, context).worstNanoUsd);
  });
});

test('what is probable is what was usual, and never more than the worst case', () => {
  expect(reserve(asked, context)).toMatchObject({ tokens: 100 + 100 });
  expect(reserve({ ...asked, maxOutputTokens: 5_000 }, context)).toMatchObject({ tokens: 100 + 1_000 });
  const { worstNanoUsd, typicalNanoUsd } = reserve({ ...asked, maxOutputTokens: 5_000 }, context);
  expect(typicalNanoUsd).toBe(Number((100n * 2n + 300n * 12n) * 1_050n));
  expect(typicalNanoUsd).toBeLessThan(worstNanoUsd);
});

test('what is affordable fits, and one token more does not', () => {
  const nanoUsd = 20_000_000;
  const output = affordableOutput(asked, { ...context, nanoUsd });
  const worst = (maxOutputTokens: number) => reserve({ ...asked, maxOutputTokens }, context).worstNanoUsd;
  expect(worst(output)).toBeLessThanOrEqual(nanoUsd);
  expect(worst(output + 1)).toBeGreaterThan(nanoUsd);
  expect(affordableOutput(asked, { ...context, nanoUsd: 0 })).toBe(0);
});
