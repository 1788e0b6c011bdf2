import { COUNTS, type Figures, type Timings } from '../figures.ts';
import type { Histogram } from '../histogram.ts';
import { usd } from './finding.ts';

/** What of two rows is not the same, by name. */
export interface Unequal {
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

export function compareFigures(expected: Figures, found: Figures): readonly Unequal[] {
  return unequal([
    ...COUNTS.map((name) => [name, String(expected[name]), String(found[name])] as const),
    ['cost', usd(expected.costNanoUsd), usd(found.costNanoUsd)],
    ['list cost', usd(expected.listCostNanoUsd), usd(found.listCostNanoUsd)],
    ['failures', describe(expected.failures), describe(found.failures)],
  ]);
}

export function compareTimings(expected: Timings, found: Timings): readonly Unequal[] {
  return unequal([
    ['latency', describe(expected.latency), describe(found.latency)],
    ['first token', describe(expected.firstToken), describe(found.firstToken)],
  ]);
}

function unequal(pairs: readonly (readonly [what: string, expected: string, found: string])[]): readonly Unequal[] {
  return pairs
    .filter(([, expected, found]) => expected !== found)
    .map(([what, expected, found]) => ({ what, expected, found }));
}

/** Counts by kind or bucket, in an order of their own. */
function describe(counts: ReadonlyMap<string, number> | Histogram): string {
  return [...counts]
    .map(([name, count]) => `${name}: ${count}`)
    .toSorted()
    .join(', ');
}
