import type { usageV1 } from '@omg/proto-gen';
import type { Sums } from '../app/questions/summarise.ts';
import { quantile, type Histogram } from '../domain/histogram.ts';

export function toSums({ figures, timings }: Sums): usageV1.Sums {
  const { requests, successes, failures, costNanoUsd, listCostNanoUsd } = figures;
  return {
    requests: BigInt(requests),
    successes: BigInt(successes),
    failures: Array.from(failures, ([kind, count]) => ({ kind, count: BigInt(count) })),
    tokens: {
      input: BigInt(figures.input),
      output: BigInt(figures.output),
      cacheWrite5m: BigInt(figures.cacheWrite5m),
      cacheWrite1h: BigInt(figures.cacheWrite1h),
      cacheRead: BigInt(figures.cacheRead),
    },
    costNanoUsd,
    listCostNanoUsd,
    latency: toTiming(successes, figures.latencyMs, timings?.latency),
    firstToken: toTiming(figures.firstTokens, figures.firstTokenMs, timings?.firstToken),
  };
}

function toTiming(count: number, sumMs: number, histogram: Histogram | undefined): usageV1.Timing {
  const timing: usageV1.Timing = { count: BigInt(count), meanMs: count === 0 ? 0 : sumMs / count };
  if (histogram === undefined) return timing;
  return {
    ...timing,
    p50Ms: quantileOf(histogram, 0.5),
    p95Ms: quantileOf(histogram, 0.95),
    p99Ms: quantileOf(histogram, 0.99),
  };
}

function quantileOf(histogram: Histogram, share: number): bigint | undefined {
  const ms = quantile(histogram, share);
  return ms === undefined ? undefined : BigInt(ms);
}
