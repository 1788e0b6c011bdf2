import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addToHistogram, bucketOf, quantile, type Histogram } from './histogram.ts';

const latencies = fc.array(fc.oneof(fc.integer({ min: 1, max: 4_000_000 }), fc.nat({ max: 2 ** 32 - 1 })), {
  minLength: 1,
  maxLength: 200,
});

function histogramOf(list: readonly number[]): Histogram {
  const histogram: Histogram = new Map();
  for (const ms of list) addToHistogram(histogram, bucketOf(ms));
  return histogram;
}

test('every quantile is within 5 % and half a millisecond of the true one', () => {
  fc.assert(
    fc.property(latencies, fc.constantFrom(0.01, 0.5, 0.95, 0.99, 1), (list, share) => {
      const truth = list.toSorted((a, b) => a - b)[Math.ceil(list.length * share) - 1] ?? NaN;
      const told = quantile(histogramOf(list), share) ?? NaN;
      expect(Math.abs(told - truth)).toBeLessThanOrEqual(Math.max(1, truth * 0.05 + 0.5));
    }),
    { numRuns: 2_000 },
  );
});

test('merged histograms tell what one of all would', () => {
  fc.assert(
    fc.property(latencies, latencies, (some, others) => {
      const merged = histogramOf(some);
      for (const [bucket, count] of histogramOf(others)) addToHistogram(merged, bucket, count);
      for (const share of [0.5, 0.95, 0.99])
        expect(quantile(merged, share)).toBe(quantile(histogramOf([...some, ...others]), share));
    }),
  );
});

test('of nothing there is no quantile', () => {
  expect(quantile(new Map(), 0.5)).toBeUndefined();
});
