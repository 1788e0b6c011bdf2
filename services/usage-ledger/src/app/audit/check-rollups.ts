import { compareFigures, compareTimings, type Unequal } from '../../domain/audit/compare-rows.ts';
import type { Difference, Finding } from '../../domain/audit/finding.ts';
import type { Horizon } from '../../domain/audit/horizon.ts';
import { addFigures, addTimings, noFigures, noTimings, type Figures, type Timings } from '../../domain/figures.ts';
import { CUBES } from '../../domain/rollup-cube.ts';
import { RollupFold, type RollupRow } from '../../domain/rollup-fold.ts';
import { DAY_MS, UNITS } from '../../domain/rollup-period.ts';
import { ListPrices } from '../list-prices.ts';
import type { PriceStore } from '../ports.ts';
import type { StoredRow } from '../rollup-ports.ts';
import { toRollupEntry } from '../rollups-project.ts';
import type { AuditStore, IdentifiedRow, RollupKind, RollupMoment, RowId } from './audit-ports.ts';

export interface CheckRollupsDeps {
  readonly store: AuditStore;
  readonly prices: Pick<PriceStore, 'all'>;
  readonly rowId: RowId;
}

const LOOKUP = 1_000;
/** Each has up to 31 rows below it. */
const UPPER_LOOKUP = 100;

// a row with a tenant is of one partition, so it is complete when that partition's logs were read
const OF_TENANTS = CUBES.filter(({ dimensions }) => dimensions.includes('tenantId'));
const OF_ALL = CUBES.filter(({ dimensions }) => !dimensions.includes('tenantId'));

/** The two kinds of rows are checked alike. */
interface Kind<T> {
  readonly name: RollupKind;
  readonly none: () => T;
  readonly add: (to: T, more: T) => void;
  readonly compare: (expected: T, found: T) => readonly Unequal[];
  readonly totalOf: (row: RollupRow) => T;
  readonly cellsOf: (row: RollupRow) => ReadonlyMap<number, T>;
  readonly read: (moment: RollupMoment, ids: readonly string[]) => Promise<ReadonlyMap<string, IdentifiedRow<T>>>;
}

const FIGURES: Kind<Figures> = {
  name: 'figures',
  none: noFigures,
  add: addFigures,
  compare: compareFigures,
  totalOf: ({ total }) => total,
  cellsOf: ({ cells }) => cells,
  read: async (moment, ids) => await moment.figures(ids),
};
const TIMINGS: Kind<Timings> = {
  name: 'timings',
  none: noTimings,
  add: addTimings,
  compare: compareTimings,
  totalOf: ({ timings }) => timings,
  cellsOf: ({ timingCells }) => timingCells,
  read: async (moment, ids) => await moment.timings(ids),
};

/** Rows of days are the sums of their logs, as long as these are kept; months and years the sums of their days and months. */
export async function* checkRollups(deps: CheckRollupsDeps, horizon: Horizon): AsyncIterable<Finding> {
  const { store } = deps;
  const listPrices = new ListPrices(deps.prices);
  const firstMs = Math.ceil(horizon.acceptedSinceMs / DAY_MS) * DAY_MS;
  const lastMs = await store.lastAcceptedMs();
  for (let startMs = firstMs; startMs <= lastMs; startMs += DAY_MS) yield* checkDay(deps, startMs, listPrices);
  for (const unit of ['month', 'year'] as const) {
    yield* checkUpper(store, unit, FIGURES);
    yield* checkUpper(store, unit, TIMINGS);
  }
}

async function* checkDay(
  { store, rowId }: CheckRollupsDeps,
  startMs: number,
  listPrices: ListPrices,
): AsyncIterable<Finding> {
  await using moment = await store.rollupMoment();
  const found = { figures: new Map<string, number>(), timings: new Map<string, number>() };
  const ofAll = new RollupFold(OF_ALL);
  let ofTenants = new RollupFold(OF_TENANTS);
  let partition = -1;
  for await (const logs of moment.projectedLogs({ fromMs: startMs, toMs: startMs + DAY_MS })) {
    const missing = await listPrices.load(logs.map(({ priceVersion }) => priceVersion)).catch(missingPrice);
    if (missing !== undefined) {
      const subject = `rollups of ${dayOf(startMs)}`;
      yield differenceOf({ subject, what: 'list cost', expected: 'prices that there are', found: missing });
      return;
    }
    for (const log of logs) {
      if (log.partition !== partition) {
        yield* compareRows(ofTenants.rows());
        ofTenants = new RollupFold(OF_TENANTS);
        ({ partition } = log);
      }
      const entry = toRollupEntry(log, listPrices);
      ofAll.add(entry);
      ofTenants.add(entry);
    }
  }
  yield* compareRows(ofTenants.rows());
  yield* compareRows(ofAll.rows());
  for (const kind of ['figures', 'timings'] as const)
    for (const [cube, count] of await moment.countDay(kind, startMs)) {
      const expected = found[kind].get(cube) ?? 0;
      if (count !== expected)
        yield differenceOf({
          subject: `rollups ${cube} of ${dayOf(startMs)}`,
          what: `rows of ${kind}`,
          expected: String(expected),
          found: String(count),
        });
    }

  async function* compareRows(all: readonly RollupRow[]): AsyncIterable<Finding> {
    const days = all.filter(({ unit }) => unit === 'day');
    yield* compareKind(FIGURES, days);
    yield* compareKind(
      TIMINGS,
      days.filter(({ timings }) => timings.latency.size + timings.firstToken.size > 0),
    );
  }

  async function* compareKind<T>(kind: Kind<T>, rows: readonly RollupRow[]): AsyncIterable<Finding> {
    for (let at = 0; at < rows.length; at += LOOKUP) {
      const some = new Map(rows.slice(at, at + LOOKUP).map((row) => [rowId(row), row]));
      const stored = await kind.read(moment, [...some.keys()]);
      for (const [id, row] of some) {
        const counts = found[kind.name];
        if (stored.has(id)) counts.set(row.cube.name, (counts.get(row.cube.name) ?? 0) + 1);
        yield* differ(id, compareRow(kind, row, stored.get(id)));
      }
      yield { check: 'rollups', checked: some.size };
    }
  }
}

function compareRow<T>(kind: Kind<T>, row: RollupRow, stored: StoredRow<T> | undefined): readonly Unequal[] {
  if (stored === undefined) return [noRow(kind)];
  const { total, cells } = contentOf(kind, stored);
  return [...kind.compare(kind.totalOf(row), total), ...compareCells(kind, kind.cellsOf(row), cells)];
}

function noRow({ name }: Pick<Kind<unknown>, 'name'>): Unequal {
  return { what: name, expected: 'a row', found: 'none' };
}

/** Each cell is the total of the row below it, and the total that of the cells; none is missing. */
async function* checkUpper<T>(store: AuditStore, unit: 'month' | 'year', kind: Kind<T>): AsyncIterable<Finding> {
  const told = new Set<string>();
  for await (const missing of store.missingRollups(unit, kind.name)) {
    for (const id of missing) {
      if (told.has(id)) continue;
      told.add(id);
      yield* differ(id, [noRow(kind)]);
    }
  }
  const { below = 'day', cellCount, cellStart } = UNITS[unit];
  for await (const ids of store.rollupIds(unit, kind.name)) {
    for (let at = 0; at < ids.length; at += UPPER_LOOKUP) {
      await using moment = await store.rollupMoment();
      const rows = [...(await kind.read(moment, ids.slice(at, at + UPPER_LOOKUP))).values()];
      const lowerIds = rows.map(({ idAt, startMs }) =>
        Array.from({ length: cellCount(startMs) }, (_, cell) => idAt(below, cellStart(startMs, cell))),
      );
      const lower = await kind.read(moment, lowerIds.flat());
      for (const [index, row] of rows.entries()) {
        const { total, cells } = contentOf(kind, row);
        const expected = new Map<number, T>();
        for (const [cell, id] of (lowerIds[index] ?? []).entries()) {
          const stored = lower.get(id);
          if (stored !== undefined) expected.set(cell, contentOf(kind, stored).total);
        }
        const sum = kind.none();
        for (const each of cells.values()) kind.add(sum, each);
        yield* differ(row.id, [...kind.compare(sum, total), ...compareCells(kind, expected, cells)]);
      }
      yield { check: 'rollups', checked: rows.length };
    }
  }
}

function contentOf<T>(kind: Kind<T>, row: StoredRow<T>): { readonly total: T; readonly cells: ReadonlyMap<number, T> } {
  const [total, cells] = [kind.none(), new Map<number, T>()];
  row.addTotal(total);
  row.addCells((cell) => cells.getOrInsertComputed(cell, kind.none));
  return { total, cells };
}

function compareCells<T>(
  kind: Kind<T>,
  expected: ReadonlyMap<number, T>,
  found: ReadonlyMap<number, T>,
): readonly Unequal[] {
  return [...new Set([...expected.keys(), ...found.keys()])].flatMap((cell) =>
    kind
      .compare(expected.get(cell) ?? kind.none(), found.get(cell) ?? kind.none())
      .map((unequal) => ({ ...unequal, what: `${unequal.what} of cell ${cell}` })),
  );
}

/** A row is one difference, whatever of it is wrong. */
function* differ(id: string, unequal: readonly Unequal[]): Iterable<Finding> {
  const [first, ...more] = unequal;
  if (first === undefined) return;
  const what = more.length === 0 ? first.what : `${first.what}, and ${more.length} more`;
  yield differenceOf({ ...first, subject: `rollup ${id}`, what });
}

function differenceOf(difference: Difference): Finding {
  return { check: 'rollups', difference };
}

/** Without its price a log's rows cannot be computed. */
function missingPrice(error: unknown): string {
  if (error instanceof RangeError) return error.message;
  throw error;
}

function dayOf(startMs: number): string {
  return new Date(startMs).toISOString().slice(0, 10);
}
