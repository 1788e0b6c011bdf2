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

/** A point for each day or hour that the range touches, also for those without requests. */
export function makeSeries(deps: {
  readonly rollups: Pick<RollupReader, 'figureCells'>;
}): (question: SeriesQuestion) => Promise<readonly SeriesPoint[]> {
  return async ({ scope, groupBy, step, zone, ...range }) => {
    const steps = zonedSteps(range, step, zone);
    const cube = cubeOf([...dimensionsOf(scope), ...groupBy]);
    const unit: Unit = steps.every((timeMs) => timeMs % DAY_MS === 0) ? 'month' : 'day';
    const [fromMs = 0, toMs = 0] = [steps[0], steps.at(-1)];
    const rows = await deps.rollups.figureCells({
      cube,
      scope,
      unit,
      fromMs: UNITS[unit].startOf(fromMs),
      toMs,
    });
    const points = steps.slice(0, -1).map(() => new Map<string, { values: readonly string[]; figures: Figures }>());
    const pointOfCell = cellIndex(steps, unit);
    for (const { startMs, values, addCells } of rows) {
      const names = groupBy.map((dimension) => values[dimension] ?? '');
      const name = names.join('\0');
      const indexes = pointOfCell(startMs);
      addCells((cell) => {
        const point = points[indexes[cell] ?? -1];
        return point?.getOrInsertComputed(name, () => ({ values: names, figures: noFigures() })).figures;
      });
    }
    return points.map((groups, index) => {
      const bounds = { fromMs: steps[index] ?? fromMs, toMs: steps[index + 1] ?? toMs };
      if (groupBy.length === 0) return { ...bounds, total: groups.get('')?.figures ?? noFigures(), groups: [] };
      const total = noFigures();
      for (const { figures } of groups.values()) addFigures(total, figures);
      return { ...bounds, total, groups: [...groups.values()] };
    });
  };
}

/** For the row that begins then, the point of each of its cells; -1 for those beyond the series. */
function cellIndex(steps: readonly number[], unit: Unit): (startMs: number) => readonly number[] {
  const { cellStart, cellCount } = UNITS[unit];
  const known = new Map<number, readonly number[]>();
  const end = steps.at(-1) ?? 0;
  return (startMs) =>
    known.getOrInsertComputed(startMs, () => {
      let point = lastUpTo(steps, startMs);
      return Array.from({ length: cellCount(startMs) }, (_, cell) => {
        const timeMs = cellStart(startMs, cell);
        if (timeMs >= end) return -1;
        while ((steps[point + 1] ?? Infinity) <= timeMs) point += 1;
        return point;
      });
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
