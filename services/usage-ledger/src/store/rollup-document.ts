import { Binary } from 'mongodb';
import type { StoredRow } from '../app/rollup-ports.ts';
import {
  addFailures,
  addFigures,
  addTimings,
  noFigures,
  noTimings,
  type Figures,
  type Timings,
} from '../domain/figures.ts';
import { addToHistogram, type Histogram } from '../domain/histogram.ts';
import type { Dimension } from '../domain/rollup-cube.ts';
import type { RollupRow } from '../domain/rollup-fold.ts';
import type { Unit } from '../domain/rollup-period.ts';
import { packFigures, unpackFigures } from './figure-cells.ts';
import { PackedReader, PackedWriter } from './packed-bytes.ts';

/** A number that the server or the driver may have widened to a Long. */
type Stored = number | bigint;

/** Whole periods, readable by whoever looks into the database; what is not there is 0. */
interface StoredTotal {
  readonly [name: string]: Stored | Readonly<Record<string, Stored>>;
}

/**
 * A document of `rollups` or of `rollup_timings`, with the values of its cube's dimensions. The cells, and timings, are
 * packed: read as documents they take ten times as long, and four times the space.
 */
export interface RollupDocument extends Partial<Record<Dimension, string>> {
  readonly _id: string;
  readonly cube: string;
  readonly unit: Unit;
  readonly start: Date;
  readonly total: StoredTotal | Binary;
  readonly cells: Binary;
}

/** In the order of a FigureTable's columns. */
export const FIELDS = [
  ['requests', 'n'],
  ['successes', 'ok'],
  ['input', 'in'],
  ['output', 'out'],
  ['cacheWrite5m', 'w5'],
  ['cacheWrite1h', 'w1'],
  ['cacheRead', 'r'],
  ['latencyMs', 'ms'],
  ['firstTokens', 'ft'],
  ['firstTokenMs', 'ftms'],
  ['costNanoUsd', 'cost'],
  ['listCostNanoUsd', 'list'],
] as const satisfies readonly (readonly [keyof Figures, string])[];

export const FAILURES_FIELD = 'fail';

/** The row's figures, on top of what is stored of it. */
export function toFiguresDocument(row: RollupRow, stored?: RollupDocument): RollupDocument {
  if (stored === undefined) return { ...headOf(row), total: toTotal(row.total), cells: toCells(row.cells) };
  const total = noFigures();
  addStoredTotal(total, stored.total);
  addFigures(total, row.total);
  const cells = unpackFigures(stored.cells.value());
  for (const [cell, figures] of row.cells) addFigures(cells.getOrInsertComputed(cell, noFigures), figures);
  return { ...stored, total: toTotal(total), cells: toCells(cells) };
}

/** The row's timings, on top of what is stored of it. */
export function toTimingsDocument(row: RollupRow, stored?: RollupDocument): RollupDocument {
  const cells = new Map<number, Timings>();
  const total = noTimings();
  if (stored !== undefined) {
    addStoredTimings(total, stored.total);
    unpackTimings(stored.cells.value(), (cell) => cells.getOrInsertComputed(cell, noTimings));
  }
  addTimings(total, row.timings);
  for (const [cell, timings] of row.timingCells) addTimings(cells.getOrInsertComputed(cell, noTimings), timings);
  return { ...(stored ?? headOf(row)), total: packTimings(new Map([[0, total]])), cells: packTimings(cells) };
}

export function hasTimings({ timings }: RollupRow): boolean {
  return timings.latency.size + timings.firstToken.size > 0;
}

export function fromFiguresDocument({ total, cells }: RollupDocument): StoredRow<Figures> {
  return {
    addTotal: (to) => {
      addStoredTotal(to, total);
    },
    addCells: (at) => {
      for (const [cell, figures] of unpackFigures(cells.value())) {
        const to = at(cell);
        if (to !== undefined) addFigures(to, figures);
      }
    },
  };
}

export function fromTimingsDocument({ total, cells }: RollupDocument): StoredRow<Timings> {
  return {
    addTotal: (to) => {
      addStoredTimings(to, total);
    },
    addCells: (at) => {
      unpackTimings(cells.value(), at);
    },
  };
}

/** Of an ISO date. */
const PERIOD_LENGTH: Readonly<Record<Unit, number>> = { year: 4, month: 7, day: 10 };

export function idOf({ cube, unit, startMs, values }: Pick<RollupRow, 'cube' | 'unit' | 'startMs' | 'values'>): string {
  const period = new Date(startMs).toISOString().slice(0, PERIOD_LENGTH[unit]);
  return [cube.name, period, ...values.map(encodeURIComponent)].join('/');
}

/** What the row is called that this one, of a day or a month, is a cell of. */
export function idAbove(id: string, unit: 'month' | 'year'): string {
  const periodAt = id.indexOf('/') + 1;
  const periodEnd = id.indexOf('/', periodAt);
  return id.slice(0, periodAt + PERIOD_LENGTH[unit]) + (periodEnd === -1 ? '' : id.slice(periodEnd));
}

function headOf(row: RollupRow): Omit<RollupDocument, 'total' | 'cells'> {
  const { cube, unit, startMs, values } = row;
  return {
    _id: idOf(row),
    cube: cube.name,
    unit,
    start: new Date(startMs),
    ...Object.fromEntries(cube.dimensions.map((dimension, index) => [dimension, values[index]])),
  };
}

function toTotal(figures: Figures): StoredTotal {
  const failures = figures.failures.size === 0 ? {} : { [FAILURES_FIELD]: Object.fromEntries(figures.failures) };
  const numbers = FIELDS.map(([name, field]) => [field, figures[name]] as const);
  return { ...Object.fromEntries(numbers.filter(([, value]) => value !== 0 && value !== 0n)), ...failures };
}

// written out: a loop over names takes several times as long, and this is most of what a question does
function addStoredTotal(to: Figures, total: RollupDocument['total']): void {
  if (total instanceof Binary) return;
  const { n, ok, in: input, out, w5, w1, r, ms, ft, ftms, cost, list, fail } = total;
  to.requests += toNumber(n);
  to.successes += toNumber(ok);
  to.input += toNumber(input);
  to.output += toNumber(out);
  to.cacheWrite5m += toNumber(w5);
  to.cacheWrite1h += toNumber(w1);
  to.cacheRead += toNumber(r);
  to.latencyMs += toNumber(ms);
  to.firstTokens += toNumber(ft);
  to.firstTokenMs += toNumber(ftms);
  to.costNanoUsd += toBigInt(cost);
  to.listCostNanoUsd += toBigInt(list);
  if (typeof fail === 'object') for (const kind in fail) addFailures(to, kind, toNumber(fail[kind]));
}

function toCells(cells: ReadonlyMap<number, Figures>): Binary {
  return new Binary(packFigures(cells));
}

function packTimings(cells: ReadonlyMap<number, Timings>): Binary {
  const writer = new PackedWriter();
  for (const [cell, { latency, firstToken }] of cells) {
    writer.number(cell);
    for (const histogram of [latency, firstToken]) {
      writer.number(histogram.size);
      for (const [bucket, count] of histogram) {
        writer.number(bucket);
        writer.number(count);
      }
    }
  }
  return new Binary(writer.finish());
}

function addStoredTimings(to: Timings, total: RollupDocument['total']): void {
  if (total instanceof Binary) unpackTimings(total.value(), () => to);
}

export function unpackTimings(cells: Uint8Array, at: (cell: number) => Timings | undefined): void {
  const reader = new PackedReader(cells);
  while (reader.hasMore) {
    const to = at(reader.number());
    unpackHistogram(reader, to?.latency);
    unpackHistogram(reader, to?.firstToken);
  }
}

function unpackHistogram(reader: PackedReader, to: Histogram | undefined): void {
  for (let buckets = reader.number(); buckets > 0; buckets -= 1) {
    const bucket = reader.number();
    const count = reader.number();
    if (to !== undefined) addToHistogram(to, bucket, count);
  }
}

function toNumber(value: unknown): number {
  return typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : 0;
}

/** Of a Long that the driver may give as one or as a number. */
export function toBigInt(value: unknown): bigint {
  return typeof value === 'bigint' ? value : typeof value === 'number' ? BigInt(value) : 0n;
}
