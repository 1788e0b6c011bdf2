/**
 * Counts of milliseconds by bucket. Bucket 0 is up to 1 ms; bucket b is above 1.1^(b-1) and up to 1.1^b ms, for ever and
 * everywhere the same, so that two histograms merge by adding, and nothing is lost by it.
 */
export type Histogram = Map<number, number>;

const GROWTH = 1.1;
const LOG_GROWTH = Math.log(GROWTH);

export function bucketOf(ms: number): number {
  return ms <= 1 ? 0 : Math.ceil(Math.log(ms) / LOG_GROWTH);
}

export function addToHistogram(histogram: Histogram, bucket: number, count = 1): void {
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + count);
}

/** The value at a quantile above 0, within 5 % of the true one and half a millisecond; undefined where nothing was counted. */
export function quantile(histogram: Histogram, share: number): number | undefined {
  const rising = [...histogram].toSorted(([a], [b]) => a - b);
  const count = rising.reduce((sum, [, n]) => sum + n, 0);
  const rank = Math.ceil(count * share);
  let seen = 0;
  for (const [bucket, n] of rising) {
    seen += n;
    if (seen >= rank) return valueOf(bucket);
  }
  return undefined;
}

/** As far, in proportion, from the bucket's one end as from its other. */
function valueOf(bucket: number): number {
  return bucket === 0 ? 1 : Math.round((2 * GROWTH ** bucket) / (GROWTH + 1));
}
