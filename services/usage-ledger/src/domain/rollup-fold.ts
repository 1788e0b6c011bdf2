import { NO_FAILURES, addFigures, addTimings, noFigures, noTimings, type Figures, type Timings } from './figures.ts';
import { addToHistogram, bucketOf } from './histogram.ts';
import { CUBES, type Cube, type Dimension } from './rollup-cube.ts';
import { UNITS, type Unit } from './rollup-period.ts';
import type { Tokens } from '@omg/pricing';

/** A charged request, as far as rollups tell of it. */
export interface RollupEntry extends Readonly<Record<Dimension, string>> {
  /** When the request was accepted: the period that it counts in. */
  readonly acceptedAtMs: number;
  /** Why it failed; empty where it did not. */
  readonly failure: string;
  readonly tokens: Readonly<Record<keyof Tokens, number>>;
  readonly latencyMs: number;
  readonly firstTokenMs: number | undefined;
  readonly costNanoUsd: bigint;
  /** What it would have cost at the price without the multiplier. */
  readonly listCostNanoUsd: bigint;
}

/** What is added to one row. */
export interface RollupRow {
  readonly cube: Cube;
  readonly unit: Unit;
  readonly startMs: number;
  /** In the order of the cube's dimensions. */
  readonly values: readonly string[];
  readonly total: Figures;
  readonly cells: Map<number, Figures>;
  /** Empty where the cube has none. */
  readonly timings: Timings;
  readonly timingCells: Map<number, Timings>;
}

/** Adds requests up to rows; what the rows say does not depend on the order in which they came, or in how many parts. */
export class RollupFold {
  readonly #cubes: readonly Cube[];
  readonly #days = new Map<string, RollupRow>();

  constructor(cubes: readonly Cube[] = CUBES) {
    this.#cubes = cubes;
  }

  add(entry: RollupEntry): void {
    const figures = figuresOf(entry);
    const timings = timingsOf(entry);
    const startMs = UNITS.day.startOf(entry.acceptedAtMs);
    const cell = UNITS.day.cellOf(entry.acceptedAtMs);
    for (const cube of this.#cubes) {
      const values = cube.dimensions.map((dimension) => entry[dimension]);
      const row = rowOf(this.#days, { cube, unit: 'day', startMs, values });
      addFigures(row.total, figures);
      addFigures(row.cells.getOrInsertComputed(cell, noFigures), figures);
      if (!cube.timings) continue;
      addTimings(row.timings, timings);
      addTimings(row.timingCells.getOrInsertComputed(cell, noTimings), timings);
    }
  }

  /** How many rows of days there are. */
  get size(): number {
    return this.#days.size;
  }

  /** The rows of days, and those of their months and years. */
  rows(): readonly RollupRow[] {
    const days = [...this.#days.values()];
    const months = rowsAbove('month', days);
    return [...days, ...months, ...rowsAbove('year', months)];
  }
}

/** The rows of which these are cells. */
export function rowsAbove(unit: 'month' | 'year', rows: Iterable<RollupRow>): readonly RollupRow[] {
  const { startOf, cellOf } = UNITS[unit];
  const above = new Map<string, RollupRow>();
  for (const { cube, startMs, values, total, timings } of rows) {
    const row = rowOf(above, { cube, unit, startMs: startOf(startMs), values });
    const cell = cellOf(startMs);
    addFigures(row.total, total);
    addFigures(row.cells.getOrInsertComputed(cell, noFigures), total);
    if (!cube.timings) continue;
    addTimings(row.timings, timings);
    addTimings(row.timingCells.getOrInsertComputed(cell, noTimings), timings);
  }
  return [...above.values()];
}

function rowOf(rows: Map<string, RollupRow>, name: Pick<RollupRow, 'cube' | 'unit' | 'startMs' | 'values'>): RollupRow {
  return rows.getOrInsertComputed(`${name.cube.name}\0${name.startMs}\0${name.values.join('\0')}`, () => ({
    ...name,
    total: noFigures(),
    cells: new Map(),
    timings: noTimings(),
    timingCells: new Map(),
  }));
}

function figuresOf({ failure, tokens, latencyMs, firstTokenMs, costNanoUsd, listCostNanoUsd }: RollupEntry): Figures {
  const success = failure === '';
  return {
    requests: 1,
    successes: success ? 1 : 0,
    input: tokens.input,
    output: tokens.output,
    cacheWrite5m: tokens.cacheWrite5m,
    cacheWrite1h: tokens.cacheWrite1h,
    cacheRead: tokens.cacheRead,
    latencyMs: success ? latencyMs : 0,
    firstTokens: firstTokenMs === undefined ? 0 : 1,
    firstTokenMs: firstTokenMs ?? 0,
    costNanoUsd,
    listCostNanoUsd,
    failures: success ? NO_FAILURES : new Map([[failure, 1]]),
  };
}

function timingsOf({ failure, latencyMs, firstTokenMs }: RollupEntry): Timings {
  const timings = noTimings();
  if (failure === '') addToHistogram(timings.latency, bucketOf(latencyMs));
  if (firstTokenMs !== undefined) addToHistogram(timings.firstToken, bucketOf(firstTokenMs));
  return timings;
}
