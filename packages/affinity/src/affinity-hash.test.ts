import { expect, test } from 'vitest';
import { bucketOf } from './affinity-delta.ts';
import { affinityHash } from './affinity-hash.ts';

test('conversations whose keys differ in one letter are spread evenly over the buckets', () => {
  const count = 64 * 200;
  const hits = Array.from({ length: 64 }, () => 0);
  for (let i = 0; i < count; i += 1) {
    const bucket = bucketOf(affinityHash('client', `conversation-${i}`), 64);
    hits[bucket] = (hits[bucket] ?? 0) + 1;
  }
  // 200 each; chi-squared with 63 degrees of freedom stays below 120 but once in 100,000
  const chiSquared = hits.reduce((sum, hit) => sum + (hit - 200) ** 2 / 200, 0);
  expect(chiSquared).toBeLessThan(120);
});

test('the scope counts, and where it ends', () => {
  expect(affinityHash('a', 'x')).not.toBe(affinityHash('b', 'x'));
  expect(affinityHash('a', 'bc')).not.toBe(affinityHash('ab', 'c'));
  expect(affinityHash('a', 'bc')).toBe(affinityHash('a', 'bc'));
});

test('is 32 bits without a sign', () => {
  for (let i = 0; i < 1_000; i += 1) {
    const hash = affinityHash('s', String(i));
    expect(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32).toBe(true);
  }
});
