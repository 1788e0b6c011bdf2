import type { Mongo } from '@omg/mongo';
import type { Collection } from 'mongodb';
import { RollupFold, rowsAbove, type RollupRow } from '../src/domain/rollup-fold.ts';
import { DAY_MS, UNITS } from '../src/domain/rollup-period.ts';
import { hasTimings, toFiguresDocument, toTimingsDocument, type RollupDocument } from '../src/store/rollup-document.ts';
import { requestsOfDay, type Population } from './synthetic-year.ts';

export const YEAR = { startMs: Date.UTC(2025, 10, 20), endMs: Date.UTC(2026, 10, 20) } as const;
const DAYS = (YEAR.endMs - YEAR.startMs) / DAY_MS;
/** That many days are made up and folded; the year repeats them. */
const DIFFERENT_DAYS = 7;
const POPULATION: Population = { tenants: 100, keysPerTenant: 4, upstreamKeys: 1_000, models: 7 };
const CHUNK = 2_000;
// it can be made again
const OPTIONS = { ordered: false, writeConcern: { w: 1, journal: false } } as const;

export interface LoadedYear {
  readonly entries: number;
  readonly documents: number;
  readonly dataMb: number;
  readonly diskMb: number;
  readonly seconds: number;
}

/** Writes the rollups that the projection would have written in a year, by its own fold. */
export async function loadYear(
  mongo: Mongo,
  options: { readonly entries: number; readonly onProgress: (text: string) => void },
): Promise<LoadedYear> {
  const begin = performance.now();
  const perDay = Math.round(options.entries / DAYS);
  const templates = Array.from({ length: DIFFERENT_DAYS }, (_, day): readonly Template[] => {
    const fold = new RollupFold();
    for (const entry of requestsOfDay({ startMs: YEAR.startMs + day * DAY_MS, count: perDay }, POPULATION))
      fold.add(entry);
    return fold
      .rows()
      .filter(({ unit }) => unit === 'day')
      .map((row) => ({
        // months are made of totals
        row: { ...row, cells: new Map(), timingCells: new Map() },
        figures: toFiguresDocument(row),
        timings: hasTimings(row) ? toTimingsDocument(row) : undefined,
      }));
  });
  options.onProgress(`folded ${DIFFERENT_DAYS} days of ${perDay} requests`);
  const figures = mongo.db.collection<RollupDocument>('rollups');
  const timings = mongo.db.collection<RollupDocument>('rollup_timings');
  const starts = Array.from({ length: DAYS }, (_, day) => YEAR.startMs + day * DAY_MS);
  const yearRows: RollupRow[] = [];
  let documents = 0;
  for (const [, days] of Map.groupBy(starts, UNITS.month.startOf)) {
    const rows: RollupRow[] = [];
    for (const startMs of days) {
      const template = templates[((startMs - YEAR.startMs) / DAY_MS) % DIFFERENT_DAYS] ?? [];
      rows.push(...template.map(({ row }) => ({ ...row, startMs })));
      documents += await insert(
        template.map((one) => onDay(one.figures, startMs)),
        template.flatMap((one) => (one.timings === undefined ? [] : onDay(one.timings, startMs))),
      );
    }
    const months = rowsAbove('month', rows);
    yearRows.push(...months.map((row) => ({ ...row, cells: new Map(), timingCells: new Map() })));
    documents += await insertRows(months);
    options.onProgress(`${new Date(days[0] ?? 0).toISOString().slice(0, 7)} is loaded`);
  }
  documents += await insertRows(rowsAbove('year', yearRows));
  const stats = await mongo.db.stats({ scale: 1_000_000 });
  return {
    entries: perDay * DAYS,
    documents,
    dataMb: Number(stats['dataSize']),
    diskMb: Number(stats['storageSize']) + Number(stats['indexSize']),
    seconds: Math.round((performance.now() - begin) / 1_000),
  };

  async function insertRows(rows: readonly RollupRow[]): Promise<number> {
    return await insert(
      rows.map((row) => toFiguresDocument(row)),
      rows.filter(hasTimings).map((row) => toTimingsDocument(row)),
    );
  }

  async function insert(some: readonly RollupDocument[], others: readonly RollupDocument[]): Promise<number> {
    await Promise.all([insertAll(figures, some), insertAll(timings, others)]);
    return some.length + others.length;
  }
}

interface Template {
  readonly row: RollupRow;
  readonly figures: RollupDocument;
  readonly timings: RollupDocument | undefined;
}

function onDay(document: RollupDocument, startMs: number): RollupDocument {
  const dateOf = (time: Date): string => time.toISOString().slice(0, 10);
  const start = new Date(startMs);
  return { ...document, _id: document._id.replace(dateOf(document.start), dateOf(start)), start };
}

async function insertAll(into: Collection<RollupDocument>, documents: readonly RollupDocument[]): Promise<void> {
  for (let at = 0; at < documents.length; at += CHUNK) await into.insertMany(documents.slice(at, at + CHUNK), OPTIONS);
}
