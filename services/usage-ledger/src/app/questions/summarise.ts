import { OmgError } from '@omg/errors';
import { addFigures, addTimings, noFigures, noTimings, type Figures, type Timings } from '../../domain/figures.ts';
import { cubeOf, type Dimension } from '../../domain/rollup-cube.ts';
import { QUARTER_MS, piecesOf, type Piece } from '../../domain/rollup-period.ts';
import type { RollupReader, RowsWanted, Scope, StoredRow } from '../rollup-ports.ts';
import { dimensionsOf } from './scope.ts';

export interface SummaryQuestion {
  readonly fromMs: number;
  readonly toMs: number;
  readonly scope: Scope;
  readonly groupBy: readonly Dimension[];
  /** 0 means 100. */
  readonly limit: number;
  /** With timings, where they are kept. */
  readonly quantiles: boolean;
}

export interface Sums {
  readonly figures: Figures;
  /** Undefined where none are kept or asked for. */
  readonly timings: Timings | undefined;
}

export interface GroupSums extends Sums {
  /** In the order of what was grouped by. */
  readonly values: readonly string[];
}

export interface Summary {
  /** The range that the answer is about: of whole quarters of an hour. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly total: Sums;
  /** Those that cost most first. */
  readonly groups: readonly GroupSums[];
  readonly groupCount: number;
}

const GROUPS = { usual: 100, most: 10_000 };
const MAX_RANGE_MS = 20 * 366 * 86_400_000;

export function makeSummarise(deps: {
  readonly rollups: Pick<RollupReader, 'figures' | 'timings'>;
}): (question: SummaryQuestion) => Promise<Summary> {
  return async ({ scope, groupBy, limit, quantiles, ...range }) => {
    const fromMs = Math.floor(range.fromMs / QUARTER_MS) * QUARTER_MS;
    const toMs = Math.ceil(range.toMs / QUARTER_MS) * QUARTER_MS;
    if (toMs <= fromMs) throw new OmgError('invalid_argument', 'the range ends before it begins');
    if (toMs - fromMs > MAX_RANGE_MS) throw new OmgError('invalid_argument', 'the range is longer than 20 years');
    const cube = cubeOf([...dimensionsOf(scope), ...groupBy]);
    const wanted: RowsWanted = { cube, scope, pieces: piecesOf(fromMs, toMs) };
    const [figures, timings] = await Promise.all([
      deps.rollups.figures(wanted),
      quantiles && cube.timings ? deps.rollups.timings(wanted) : undefined,
    ]);
    const groups = new Map<string, GroupSums>();
    const groupOf = ({ values }: Pick<StoredRow<unknown>, 'values'>): GroupSums => {
      const names = groupBy.map((dimension) => values[dimension] ?? '');
      return groups.getOrInsertComputed(names.join('\0'), () => ({
        values: names,
        figures: noFigures(),
        timings: timings === undefined ? undefined : noTimings(),
      }));
    };
    addRows(figures, wanted.pieces, (row) => groupOf(row).figures);
    if (timings !== undefined) addRows(timings, wanted.pieces, (row) => groupOf(row).timings);
    const used = [...groups.values()].filter(({ figures: { requests } }) => requests > 0);
    return {
      fromMs,
      toMs,
      total: totalOf(used, timings !== undefined),
      groups: groupBy.length === 0 ? [] : used.toSorted(byCost).slice(0, Math.min(limit || GROUPS.usual, GROUPS.most)),
      groupCount: groupBy.length === 0 ? 0 : used.length,
    };
  };
}

function addRows<T>(
  rows: readonly StoredRow<T>[],
  pieces: readonly Piece[],
  toOf: (row: StoredRow<T>) => T | undefined,
): void {
  const wanted = new Map(pieces.map((piece) => [`${piece.unit} ${piece.startMs}`, piece]));
  for (const row of rows) {
    const to = toOf(row);
    if (to === undefined) continue;
    const cells = wanted.get(`${row.unit} ${row.startMs}`)?.cells;
    if (cells === undefined) row.addTotal(to);
    else row.addCells((cell) => (cell >= cells.from && cell < cells.to ? to : undefined));
  }
}

function totalOf(groups: readonly Sums[], hasTimings: boolean): Sums {
  const total = { figures: noFigures(), timings: hasTimings ? noTimings() : undefined };
  for (const { figures, timings } of groups) {
    addFigures(total.figures, figures);
    if (total.timings !== undefined && timings !== undefined) addTimings(total.timings, timings);
  }
  return total;
}

function byCost(a: GroupSums, b: GroupSums): number {
  const difference = b.figures.costNanoUsd - a.figures.costNanoUsd;
  return difference === 0n ? b.figures.requests - a.figures.requests : difference > 0n ? 1 : -1;
}
