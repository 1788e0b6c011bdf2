import { addToHistogram, type Histogram } from './histogram.ts';

/** Sums over any number of requests. A count is exact up to 2^53. */
export interface Figures {
  requests: number;
  successes: number;
  input: number;
  output: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
  cacheRead: number;
  /** Of those that succeeded. */
  latencyMs: number;
  firstTokens: number;
  firstTokenMs: number;
  costNanoUsd: bigint;
  listCostNanoUsd: bigint;
  /** How many failed, by kind. */
  failures: Map<string, number>;
}

/** What of figures is a count, or a sum of them. */
export const COUNTS = [
  'requests',
  'successes',
  'input',
  'output',
  'cacheWrite5m',
  'cacheWrite1h',
  'cacheRead',
  'latencyMs',
  'firstTokens',
  'firstTokenMs',
] as const satisfies readonly (keyof Figures)[];

/** How long it took: whole requests that succeeded, and until the first token of those that had one. */
export interface Timings {
  readonly latency: Histogram;
  readonly firstToken: Histogram;
}

/** Stays empty: most figures have none, and share it. */
export const NO_FAILURES: Figures['failures'] = new Map();

export function noFigures(): Figures {
  return {
    requests: 0,
    successes: 0,
    input: 0,
    output: 0,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    cacheRead: 0,
    latencyMs: 0,
    firstTokens: 0,
    firstTokenMs: 0,
    costNanoUsd: 0n,
    listCostNanoUsd: 0n,
    failures: NO_FAILURES,
  };
}

export function noTimings(): Timings {
  return { latency: new Map(), firstToken: new Map() };
}

// written out: a loop over names takes ten times as long, and this is most of what projecting does
export function addFigures(to: Figures, more: Figures): void {
  to.requests += more.requests;
  to.successes += more.successes;
  to.input += more.input;
  to.output += more.output;
  to.cacheWrite5m += more.cacheWrite5m;
  to.cacheWrite1h += more.cacheWrite1h;
  to.cacheRead += more.cacheRead;
  to.latencyMs += more.latencyMs;
  to.firstTokens += more.firstTokens;
  to.firstTokenMs += more.firstTokenMs;
  to.costNanoUsd += more.costNanoUsd;
  to.listCostNanoUsd += more.listCostNanoUsd;
  for (const [kind, count] of more.failures) addFailures(to, kind, count);
}

export function addFailures(to: Figures, kind: string, count: number): void {
  if (to.failures === NO_FAILURES) to.failures = new Map();
  to.failures.set(kind, (to.failures.get(kind) ?? 0) + count);
}

export function addTimings(to: Timings, more: Timings): void {
  for (const [bucket, count] of more.latency) addToHistogram(to.latency, bucket, count);
  for (const [bucket, count] of more.firstToken) addToHistogram(to.firstToken, bucket, count);
}
