import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { balanceOf, creditTypeOf, remainingOf, splitSpend, type Purses } from './credits.ts';

const amount = fc.bigInt({ min: 0n, max: 9_000_000_000_000_000_000n });
const purses: fc.Arbitrary<Purses> = fc.record({
  // an operator may take more credits away than there are
  credits: fc.bigInt({ min: -1_000_000n, max: 9_000_000_000_000_000_000n }),
  refCredits: amount,
  spent: amount,
});

describe('the two purses', () => {
  test.each([
    [{ credits: 10n, refCredits: 5n, spent: 0n }, 4n, { credits: 4n, refCredits: 0n }, 'credits'],
    [{ credits: 10n, refCredits: 5n, spent: 8n }, 4n, { credits: 2n, refCredits: 2n }, 'credits'],
    [{ credits: 10n, refCredits: 5n, spent: 10n }, 4n, { credits: 0n, refCredits: 4n }, 'refCredits'],
    [{ credits: 10n, refCredits: 5n, spent: 13n }, 4n, { credits: 2n, refCredits: 2n }, 'refCredits'],
    [{ credits: 10n, refCredits: 5n, spent: 15n }, 4n, { credits: 4n, refCredits: 0n }, 'credits'],
    [{ credits: 0n, refCredits: 0n, spent: 0n }, 4n, { credits: 4n, refCredits: 0n }, 'credits'],
    [{ credits: 0n, refCredits: 5n, spent: 0n }, 0n, { credits: 0n, refCredits: 0n }, 'refCredits'],
  ] as const)('%o bear %s as %o', (before, cost, shares, creditType) => {
    expect(splitSpend(before, cost)).toEqual(shares);
    expect(creditTypeOf(before)).toBe(creditType);
  });

  test('together hold the balance, always', () => {
    fc.assert(
      fc.property(purses, (given) => {
        const { credits, refCredits } = remainingOf(given);
        expect(credits + refCredits).toBe(balanceOf(given));
        expect(refCredits).toBeGreaterThanOrEqual(0n);
      }),
    );
  });

  test('the shares of a cost are the cost, and refCredits are touched only when credits are used up', () => {
    fc.assert(
      fc.property(purses, amount, (given, cost) => {
        const shares = splitSpend(given, cost);
        expect(shares.credits + shares.refCredits).toBe(cost);
        expect(shares.credits).toBeGreaterThanOrEqual(0n);
        expect(shares.refCredits).toBeGreaterThanOrEqual(0n);
        const after = remainingOf({ ...given, spent: given.spent + cost });
        if (shares.refCredits > 0n) expect(after.credits).toBeLessThanOrEqual(0n);
        if (after.credits < 0n && given.credits >= given.spent) expect(after.refCredits).toBe(0n);
      }),
    );
  });

  test('one charge or many of the same sum take the same of each', () => {
    fc.assert(
      fc.property(purses, fc.array(fc.bigInt({ min: 0n, max: 10_000_000n }), { maxLength: 20 }), (given, costs) => {
        let spent = given.spent;
        let [credits, refCredits] = [0n, 0n];
        for (const cost of costs) {
          const shares = splitSpend({ ...given, spent }, cost);
          spent += cost;
          credits += shares.credits;
          refCredits += shares.refCredits;
        }
        expect({ credits, refCredits }).toEqual(splitSpend(given, spent - given.spent));
      }),
    );
  });

  test('what is given back as credits is in the purse that it came from again', () => {
    fc.assert(
      fc.property(purses, amount, (given, cost) => {
        const charged = { ...given, spent: given.spent + cost };
        expect(remainingOf({ ...charged, credits: charged.credits + cost })).toEqual(remainingOf(given));
      }),
    );
  });
});
