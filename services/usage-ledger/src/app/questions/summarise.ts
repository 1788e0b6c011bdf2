import { OmgError } from '@omg/errors';
import { FigureTable } from '../../domain/figure-table.ts';
import { addFigures, addTimings, noFigures, noTimings, type Figures, type Timings } from '../../domain/figures.ts';
import { cubeOf, type Dimension } from '../../domain/rollup-cube.ts';
import { QUARTER_MS, piecesFrom, piecesOf } from '../../domain/rollup-period.ts';
import type { Clock } from '../ports.ts';
import type { RollupReader, RowsWanted, Scope } from '../rollup-ports.ts';
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
  readonly clock: Clock;
}): (question: SummaryQuestion) => Promise<Summary> {
  return async ({ scope, groupBy, limit, quantiles, ...range }) => {
    const fromMs = Math.floor(range.fromMs / QUARTER_MS) * QUARTER_MS;
    const toMs = Math.ceil(range.toMs / QUARTER_MS) * QUARTER_MS;
    if (toMs <= fromMs) throw new OmgError('invalid_argument', 'the range ends before it begins');
    if (toMs - fromMs > MAX_RANGE_MS) throw new OmgError('invalid_argument', 'the range is longer than 20 years');
    const cube = cubeOf([...dimensionsOf(scope), ...groupBy]);
    // of what is later than now there is nothing but what clocks that are ahead have made
    const pieces = toMs >= deps.clock.now().getTime() ? piecesFrom(fromMs, toMs) : piecesOf(fromMs, toMs);
    const wanted: RowsWanted = { cube, scope, groupBy, pieces };
    const hasTimings = quantiles && cube.timings;
    const table = new FigureTable();
    const groups: Group[] = [];
    const tree = new Branch();
    const groupOf = (values: readonly string[]): Group => {
      let branch = tree;
      for (const value of values) branch = branch.at(value);
      if (branch.group === undefined) {
        branch.group = { values, slot: table.newSlot(), timings: hasTimings ? noTimings() : undefined };
        groups.push(branch.group);
      }
      return branch.group;
    };
    await deps.rollups.figures(wanted, (row, cells) => {
      const { slot } = groupOf(row.values);
      if (cells === undefined) row.addTotal(table, slot);
      else row.addCells(table, (cell) => (cell >= cells.from && cell < cells.to ? slot : -1));
    });
    // afterwards, so that what is counted has its timings: both are written at once
    if (hasTimings)
      await deps.rollups.timings(wanted, (row, cells) => {
        const { timings = noTimings() } = groupOf(row.values);
        if (cells === undefined) row.addTotal(timings);
        else row.addCells((cell) => (cell >= cells.from && cell < cells.to ? timings : undefined));
      });
    const used = groups
      .map(({ values, slot, timings }): GroupSums => ({ values, figures: table.figuresOf(slot), timings }))
      .filter(({ figures: { requests } }) => requests > 0);
    return {
      fromMs,
      toMs,
      total: totalOf(used, hasTimings),
      groups: groupBy.length === 0 ? [] : used.toSorted(byCost).slice(0, Math.min(limit || GROUPS.usual, GROUPS.most)),
      groupCount: groupBy.length === 0 ? 0 : used.length,
    };
  };
}

interface Group {
  readonly values: readonly string[];
  /** Of its figures. */
  readonly slot: number;
  readonly timings: Timings | undefined;
}

/** Groups by one value after the other: to make one name of them takes longer than to add a row up. */
class Branch {
  group: Group | undefined;
  readonly #branches = new Map<string, Branch>();

  at(value: string): Branch {
    let branch = this.#branches.get(value);
    if (branch === undefined) this.#branches.set(value, (branch = new Branch()));
    return branch;
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

function byCost({ figures: a }: Sums, { figures: b }: Sums): number {
  if (a.costNanoUsd !== b.costNanoUsd) return a.costNanoUsd < b.costNanoUsd ? 1 : -1;
  return b.requests - a.requests;
}
