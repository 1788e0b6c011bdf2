import { describe, expect, test } from 'vitest';
import { NOTHING_SPENT, budgetBucket, isBucketOf, oldBuckets, spendingBucket, spentIn } from './budget-bucket.ts';

const month = { kind: 'month', timeZone: 'Europe/Berlin' } as const;
const rolling = { kind: 'rolling', days: 3, timeZone: 'UTC' } as const;
const at = new Date('2026-11-30T12:00:00Z');

describe('a calendar budget', () => {
  test('is spent of the window in which the request was admitted, whenever it is charged', () => {
    const bucket = budgetBucket(month, new Date('2026-11-30T22:59:59Z'));
    expect(bucket).toBe('month/Europe/Berlin/2026-11-01');
    expect(spendingBucket(bucket, new Date('2026-12-01T09:00:00Z'))).toBe(bucket);
    expect(budgetBucket(month, new Date('2026-11-30T23:00:00Z'))).toBe('month/Europe/Berlin/2026-12-01');
  });

  test('counts its own bucket alone', () => {
    const spentBy = {
      'month/Europe/Berlin/2026-11-01': 5n,
      'month/Europe/Berlin/2026-10-01': 7n,
      'day/UTC/2026-11-30': 9n,
    };
    expect(spentIn(spentBy, { period: month, bucket: 'month/Europe/Berlin/2026-11-01', at })).toBe(5n);
    expect(spentIn(NOTHING_SPENT, { period: month, bucket: 'month/Europe/Berlin/2026-11-01', at })).toBe(0n);
  });

  test('knows its buckets of other times, and no other budget takes them for its own', () => {
    expect(isBucketOf(month, 'month/Europe/Berlin/2026-10-01')).toBe(true);
    expect(isBucketOf({ kind: 'month', timeZone: 'Europe' }, 'month/Europe/Berlin/2026-10-01')).toBe(false);
    expect(isBucketOf({ kind: 'day', timeZone: 'Europe/Berlin' }, 'month/Europe/Berlin/2026-10-01')).toBe(false);
  });
});

describe('a rolling budget', () => {
  test('is one bucket for whoever reserves of it, and a day for whoever adds up', () => {
    expect(budgetBucket(rolling, at)).toBe('rolling-3/UTC');
    expect(spendingBucket('rolling-3/UTC', new Date('2026-11-29T23:59:59Z'))).toBe('rolling-3/UTC/2026-11-29');
    expect(isBucketOf(rolling, 'rolling-3/UTC')).toBe(true);
    expect(isBucketOf(rolling, 'rolling-30/UTC')).toBe(false);
  });

  test('counts today and the days before it, and forgets the oldest at midnight', () => {
    const spentBy = {
      'rolling-3/UTC/2026-11-27': 1n,
      'rolling-3/UTC/2026-11-28': 10n,
      'rolling-3/UTC/2026-11-29': 100n,
      'rolling-3/UTC/2026-11-30': 1_000n,
      'rolling-30/UTC/2026-11-30': 10_000n,
    };
    const spent = (now: string) => spentIn(spentBy, { period: rolling, bucket: 'rolling-3/UTC', at: new Date(now) });
    expect(spent('2026-11-30T23:59:59Z')).toBe(1_110n);
    expect(spent('2026-12-01T00:00:00Z')).toBe(1_100n);
    // a clock that is a little ahead elsewhere loses nothing
    expect(spent('2026-11-29T23:59:59Z')).toBe(1_111n);
  });
});

test('only buckets that no budget counts any more are old', () => {
  const spentBy = {
    'month/UTC/2026-09-01': 1n,
    'month/UTC/2026-10-01': 1n,
    'day/Europe/Berlin/2026-09-20': 1n,
    'rolling-3/UTC/2026-09-01': 1n,
    'rolling-30/UTC/2026-09-01': 1n,
    odd: 1n,
  };
  expect(oldBuckets(spentBy, at)).toEqual([
    'month/UTC/2026-09-01',
    'day/Europe/Berlin/2026-09-20',
    'rolling-3/UTC/2026-09-01',
  ]);
});
