/**
 * A rollup row is of a year with a cell for each month, of a month with a cell for each day, or of a day with a cell for each
 * quarter of an hour; all in UTC.
 */
export type Unit = 'year' | 'month' | 'day';

export const QUARTER_MS = 15 * 60_000;
export const DAY_MS = 86_400_000;

interface UnitSpec {
  /** The beginning of the period that has this time. */
  readonly startOf: (timeMs: number) => number;
  /** Where a cell of the period begins; behind the last one, where the period ends. */
  readonly cellStart: (startMs: number, cell: number) => number;
  /** The cell that has this time, counted from 0. */
  readonly cellOf: (timeMs: number) => number;
  readonly cellCount: (startMs: number) => number;
  /** Whose rows are the cells of this one. */
  readonly below: Unit | undefined;
}

export const UNITS: Readonly<Record<Unit, UnitSpec>> = {
  year: {
    startOf: (timeMs) => Date.UTC(new Date(timeMs).getUTCFullYear(), 0),
    cellStart: (startMs, cell) => Date.UTC(new Date(startMs).getUTCFullYear(), cell),
    cellOf: (timeMs) => new Date(timeMs).getUTCMonth(),
    cellCount: () => 12,
    below: 'month',
  },
  month: {
    startOf: (timeMs) => Date.UTC(new Date(timeMs).getUTCFullYear(), new Date(timeMs).getUTCMonth()),
    cellStart: (startMs, cell) => startMs + cell * DAY_MS,
    cellOf: (timeMs) => new Date(timeMs).getUTCDate() - 1,
    cellCount: (startMs) =>
      new Date(Date.UTC(new Date(startMs).getUTCFullYear(), new Date(startMs).getUTCMonth() + 1, 0)).getUTCDate(),
    below: 'day',
  },
  day: {
    startOf: (timeMs) => Math.floor(timeMs / DAY_MS) * DAY_MS,
    cellStart: (startMs, cell) => startMs + cell * QUARTER_MS,
    cellOf: (timeMs) => Math.floor((timeMs - Math.floor(timeMs / DAY_MS) * DAY_MS) / QUARTER_MS),
    cellCount: () => DAY_MS / QUARTER_MS,
    below: undefined,
  },
};

/** A row, whole or some of its cells, the last one excluded. */
export interface Piece {
  readonly unit: Unit;
  readonly startMs: number;
  readonly cells: { readonly from: number; readonly to: number } | undefined;
}

/** The range as few rows: of years, of the months at its ends, of the days at their ends. Both ends are quarters. */
export function piecesOf(fromMs: number, toMs: number, unit: Unit = 'year'): readonly Piece[] {
  const pieces: Piece[] = [];
  let startMs = UNITS[unit].startOf(fromMs);
  while (startMs < toMs) {
    const endMs = endOf(unit, startMs);
    if (fromMs <= startMs && endMs <= toMs) pieces.push({ unit, startMs, cells: undefined });
    else pieces.push(...piecesOfPeriod({ unit, startMs }, Math.max(fromMs, startMs), Math.min(toMs, endMs)));
    startMs = endMs;
  }
  return pieces;
}

/** The same for a range behind which nothing is: up to the end of its day, month or year where that takes fewer pieces. */
export function piecesFrom(fromMs: number, toMs: number): readonly Piece[] {
  const ends = [toMs, ...(['day', 'month', 'year'] as const).map((unit) => endOf(unit, toMs - 1))];
  const choices = ends.map((endMs) => piecesOf(fromMs, endMs));
  // of as few the last: its rows are rather whole ones
  return choices.reduce((best, pieces) => (pieces.length <= best.length ? pieces : best));
}

function endOf(unit: Unit, timeMs: number): number {
  const { startOf, cellStart, cellCount } = UNITS[unit];
  const startMs = startOf(timeMs);
  return cellStart(startMs, cellCount(startMs));
}

function piecesOfPeriod(period: Pick<Piece, 'unit' | 'startMs'>, fromMs: number, toMs: number): readonly Piece[] {
  const { startMs } = period;
  const { cellStart, cellOf, below } = UNITS[period.unit];
  // the end of a period is the beginning of another
  const last = cellOf(toMs - 1);
  const to = cellStart(startMs, last + 1) === toMs ? last + 1 : last;
  const first = cellOf(fromMs);
  const from = cellStart(startMs, first) === fromMs ? first : first + 1;
  const [fromEdge, toEdge] = [cellStart(startMs, from), cellStart(startMs, to)];
  if (fromEdge > toEdge) return below === undefined ? [] : piecesOf(fromMs, toMs, below);
  return [
    ...(fromMs < fromEdge && below !== undefined ? piecesOf(fromMs, fromEdge, below) : []),
    ...(from < to ? [{ ...period, cells: { from, to } }] : []),
    ...(toEdge < toMs && below !== undefined ? piecesOf(toEdge, toMs, below) : []),
  ];
}
