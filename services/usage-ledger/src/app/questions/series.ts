import { FigureTable } from '../../domain/figure-table.ts';
import { addFigures, noFigures, type Figures } from '../../domain/figures.ts';
import { cubeOf, type Dimension } from '../../domain/rollup-cube.ts';
import { DAY_MS, UNITS, type Unit } from '../../domain/rollup-period.ts';
import { zonedSteps, type Step } from '../../domain/zoned-steps.ts';
import type { RollupReader, Scope } from '../rollup-ports.ts';
import { dimensionsOf } from './scope.ts';

export interface SeriesQuestion {
  readonly fromMs: number;
  readonly toMs: number;
  readonly step: Step;
  /** An IANA name. */
  readonly zone: string;
  readonly scope: Scope;
  readonly groupBy: readonly Dimension[];
}

export interface SeriesPoint {
  readonly fromMs: number;
  readonly toMs: number;
  readonly total: Figures;
  /** Those that have any in this point. */
  readonly groups: readonly { readonly values: readonly string[]; readonly figures: Figures }[];
}

interface Group {
  readonly values: readonly string[];
  /** Of its figures, by point; -1 where it has none. */
  readonly slots: Int32Array;
}

/** A point for each day or hour that the range touches, also for those without requests. */
export function makeSeries(deps: {
  readonly rollups: Pick<RollupReader, 'figureCells'>;
}): (question: SeriesQuestion) => Promise<Iterable<SeriesPoint>> {
  return async ({ scope, groupBy, step, zone, ...range }) => {
    const steps = zonedSteps(range, step, zone);
    const cube = cubeOf([...dimensionsOf(scope), ...groupBy]);
    const unit: Unit = steps.every((timeMs) => timeMs % DAY_MS === 0) ? 'month' : 'day';
    const [fromMs = 0, toMs = 0] = [steps[0], steps.at(-1)];
    const wanted = { cube, scope, groupBy, unit, fromMs: UNITS[unit].startOf(fromMs), toMs };
    const table = new FigureTable();
    const groups = new Map<string, Group>();
    const pointOfCell = cellIndex(steps, unit);
    await deps.rollups.figureCells(wanted, (row, startMs) => {
      const { slots } = groups.getOrInsertComputed(row.values.join('\0'), () => ({
        values: row.values,
        slots: new Int32Array(steps.length - 1).fill(-1),
      }));
      const points = pointOfCell(startMs);
      row.addCells(table, (cell) => {
        const point = points[cell] ?? -1;
        if (slots[point] === -1) slots[point] = table.newSlot();
        return slots[point] ?? -1;
      });
    });
    return pointsOf({ steps, table, groups: [...groups.values()], isGrouped: groupBy.length > 0 });
  };
}

/** One by one as they are asked for: all at once they would take longer to forget than to make. */
function* pointsOf(series: {
  readonly steps: readonly number[];
  readonly table: FigureTable;
  readonly groups: readonly Group[];
  readonly isGrouped: boolean;
}): Iterable<SeriesPoint> {
  const { steps, table, isGrouped } = series;
  for (let point = 0; point < steps.length - 1; point += 1) {
    const [fromMs = 0, toMs = 0] = [steps[point], steps[point + 1]];
    const groups: SeriesPoint['groups'][number][] = [];
    for (const { values, slots } of series.groups) {
      const slot = slots[point] ?? -1;
      if (slot !== -1) groups.push({ values, figures: table.figuresOf(slot) });
    }
    const [only] = groups;
    const total = isGrouped || only === undefined ? sumOf(groups) : only.figures;
    yield { fromMs, toMs, total, groups: isGrouped ? groups : [] };
  }
}

function sumOf(groups: readonly { readonly figures: Figures }[]): Figures {
  const total = noFigures();
  for (const { figures } of groups) addFigures(total, figures);
  return total;
}

/** For the row that begins then, the point of each of its cells; -1 for those beyond the series. */
function cellIndex(steps: readonly number[], unit: Unit): (startMs: number) => Int32Array {
  const { cellStart, cellCount } = UNITS[unit];
  const known = new Map<number, Int32Array>();
  const end = steps.at(-1) ?? 0;
  return (startMs) =>
    known.getOrInsertComputed(startMs, () => {
      const points = new Int32Array(cellCount(startMs)).fill(-1);
      let point = lastUpTo(steps, startMs);
      for (let cell = 0; cell < points.length; cell += 1) {
        const timeMs = cellStart(startMs, cell);
        if (timeMs >= end) break;
        while ((steps[point + 1] ?? Infinity) <= timeMs) point += 1;
        points[cell] = point;
      }
      return points;
    });
}

/** The index of the last step that is not after the time, or -1. */
function lastUpTo(steps: readonly number[], timeMs: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] ?? Infinity) <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
