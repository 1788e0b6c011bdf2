import { describe, expect, test } from 'vitest';
import { effectiveBudgets, mayPassBy, warnFromNanoUsd, type Budget } from './budget.ts';

const budget = (nanoUsd: bigint, change: Partial<Budget> = {}): Budget => ({
  nanoUsd,
  period: { kind: 'month', timeZone: 'UTC' },
  warnAt: 0.8,
  hard: false,
  ...change,
});
const defaultBudget = budget(100_000_000_000n);

test('a tenant that says nothing has the default, a key that says nothing has none of its own', () => {
  expect(effectiveBudgets({ clientKey: undefined, tenant: undefined, defaultBudget })).toEqual({
    clientKey: undefined,
    tenant: defaultBudget,
  });
});

test('what is said counts, and "none" is said as well', () => {
  const [ofKey, ofTenant] = [budget(1n), budget(2n, { hard: true })];
  expect(effectiveBudgets({ clientKey: ofKey, tenant: ofTenant, defaultBudget })).toEqual({
    clientKey: ofKey,
    tenant: ofTenant,
  });
  expect(effectiveBudgets({ clientKey: 'none', tenant: 'none', defaultBudget })).toEqual({
    clientKey: undefined,
    tenant: undefined,
  });
});

test('the warning begins at the share, to the nano-dollar', () => {
  expect(warnFromNanoUsd(defaultBudget)).toBe(80_000_000_000n);
  expect(warnFromNanoUsd(budget(9_000_000_000_123_456_789n, { warnAt: 0.29 }))).toBe(2_610_000_000_035_802_468n);
  expect(warnFromNanoUsd(budget(7n, { warnAt: 1 }))).toBe(7n);
});

describe('what a budget may be passed by', () => {
  const USD = 1_000_000_000n;
  const may = (hard: boolean, spentNanoUsd: bigint) =>
    mayPassBy(budget(1_000n * USD, { hard }), { spentNanoUsd, dearestRequestNanoUsd: 3n * USD });

  test('is nothing where it is hard', () => {
    expect(may(true, 0n)).toBe(0n);
  });

  test('is one request and a hundredth of what is left, a dollar at most, where it is soft', () => {
    expect(may(false, 0n)).toBe(4n * USD);
    expect(may(false, 950n * USD)).toBe(3n * USD + USD / 2n);
    expect(may(false, 2_000n * USD)).toBe(3n * USD);
  });
});
