import { describe, expect, test } from 'vitest';
import type { QuotaStanding } from './allowances.ts';
import { toLimitHeaders } from './limit-headers.ts';
import type { RawHeaders } from './upstream.ts';

const now = new Date('2026-11-30T12:00:00Z');
const USD = 1_000_000_000;
const rate = (ofKey: boolean, limits: object, left: object): QuotaStanding => ({
  quota: { name: 'r', kind: 'rate', ofKey, limits, hard: true, bucket: '', warnFromNanoUsd: undefined },
  left,
});
const budget = (limitUsd: number, leftUsd: number, warnFromUsd: number): QuotaStanding => ({
  quota: {
    name: 'b',
    kind: 'budget',
    ofKey: true,
    limits: { nanoUsd: limitUsd * USD },
    hard: false,
    bucket: 'month/UTC/2026-11-01',
    warnFromNanoUsd: warnFromUsd * USD,
  },
  left: { nanoUsd: leftUsd * USD },
});
const asRecord = (headers: RawHeaders): Record<string, string | undefined> => {
  const record: Record<string, string | undefined> = {};
  for (let at = 0; at < headers.length; at += 2) record[headers[at] ?? ''] = headers[at + 1];
  return record;
};

describe('limits', () => {
  const standing = [
    rate(true, { requests: 100, tokens: 1_000 }, { requests: 99, tokens: 10.7 }),
    rate(false, { requests: 50, tokens: 2_000 }, { requests: 50, tokens: 500 }),
  ];

  test('are told of whichever of key and tenant has less left, under the names of the dialect', () => {
    expect(asRecord(toLimitHeaders('openai', standing, now))).toEqual({
      'x-ratelimit-limit-requests': '50',
      'x-ratelimit-remaining-requests': '50',
      'x-ratelimit-reset-requests': '0s',
      'x-ratelimit-limit-tokens': '1000',
      'x-ratelimit-remaining-tokens': '10',
      'x-ratelimit-reset-tokens': '1m0s',
    });
    expect(asRecord(toLimitHeaders('anthropic', standing, now))).toEqual({
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '50',
      'anthropic-ratelimit-requests-reset': '2026-11-30T12:00:00.000Z',
      'anthropic-ratelimit-tokens-limit': '1000',
      'anthropic-ratelimit-tokens-remaining': '10',
      'anthropic-ratelimit-tokens-reset': '2026-11-30T12:01:00.000Z',
    });
  });

  test('that are not known are not told', () => {
    expect(toLimitHeaders('openai', [], now)).toEqual([]);
  });
});

test('of budgets the tightest is told, and a warning from its share on', () => {
  const told = (...standing: QuotaStanding[]) => asRecord(toLimitHeaders('openai', standing, now));
  expect(told(budget(100, 50, 80), budget(20, 10, 16))).toEqual({
    'x-budget-limit': '20.000000',
    'x-budget-remaining': '10.000000',
    'x-budget-warning': 'false',
  });
  expect(told(budget(100, 19.5, 80), budget(20, 10, 16))).toMatchObject({
    'x-budget-remaining': '10.000000',
    'x-budget-warning': 'true',
  });
});
