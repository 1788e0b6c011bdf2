import type { Histogram, Meter } from '@opentelemetry/api';

/** From a lease out of memory to a generation of ten minutes. */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** A histogram of durations in seconds; its name ends in `_seconds`. */
export function latencyHistogram(meter: Meter, name: `${string}_seconds`, description: string): Histogram {
  return meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: BUCKETS_SECONDS } });
}
