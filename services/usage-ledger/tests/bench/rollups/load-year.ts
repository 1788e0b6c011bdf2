import type { Mongo } from '@omg/mongo';
import type { Collection } from 'mongodb';
import { RollupFold, rowsAbove, type RollupRow } from '../../../src/domain/rollup-fold.ts';
import { DAY_MS, UNITS } from '../../../src/domain/rollup-period.ts';
import {
  hasTimings,
  toFiguresDocument,
  toTimingsDocument,
  type RollupDocument,
} from '../../../src/store/rollup-document.ts';
import { DAYS_OF_YEAR, DIFFERENT_DAYS, POPULATION, YEAR, requestsOfDay } from './synthetic-year.ts';

const CHUNK = 2_000;
// it can be made again
const OPTIONS = { ordered: false, writeConcern: { w: 1, journal: false } } as const;

export interface LoadedYear {
  readonly requests: number;
  readonly documents: number;
  readonly dataMb: number;
  readonly diskMb: number;
  readonly seconds: number;
}

export interface LoadYearOptions {
  readonly perDay: number;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Writes the rollups that the projection would have written in a year, by its own fold. */
export async function loadYear(mongo: Mongo, { perDay, onProgress, signal }: LoadYearOptions): Promise<LoadedYear> {
  const begin = performance.now();
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
  onProgress(`folded ${DIFFERENT_DAYS} days of ${perDay} requests`);
  const figures = mongo.db.collection<RollupDocument>('rollups');
  const timings = mongo.db.collection<RollupDocument>('rollup_timings');
  const starts = Array.from({ length: DAYS_OF_YEAR }, (_, day) => YEAR.startMs + day * DAY_MS);
  const yearRows: RollupRow[] = [];
  let documents = 0;
  for (const [, days] of Map.groupBy(starts, UNITS.month.startOf)) {
    const rows: RollupRow[] = [];
    for (const startMs of days) {
      signal.throwIfAborted();
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
    onProgress(`${new Date(days[0] ?? 0).toISOString().slice(0, 7)} is loaded`);
  }
  documents += await insertRows(rowsAbove('year', yearRows));
  const stats = await mongo.db.stats({ scale: 1_000_000 });
  return {
    requests: perDay * DAYS_OF_YEAR,
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
