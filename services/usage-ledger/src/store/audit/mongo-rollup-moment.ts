import type { ClientSession, Collection, Db } from 'mongodb';
import type { IdentifiedRow, RollupKind, RollupMoment } from '../../app/audit/audit-ports.ts';
import type { ChargedLog, StoredRow } from '../../app/rollup-ports.ts';
import type { Figures, Timings } from '../../domain/figures.ts';
import { CUBES } from '../../domain/rollup-cube.ts';
import { LOG_FIELDS, STATE, fromStateDocument, toChargedLog, type StateDocument } from '../mongo-rollups.ts';
import type { RequestLogDocument } from '../request-log-document.ts';
import { fromFiguresDocument, fromTimingsDocument, idOf, type RollupDocument } from '../rollup-document.ts';
import { inChunks } from './in-chunks.ts';

const CUBE_OF = new Map(CUBES.map((cube) => [cube.name, cube]));

/** Rollups and the logs that are in them, as of one moment. */
export class MongoRollupMoment implements RollupMoment {
  readonly #db: Db;
  readonly #session: ClientSession;
  readonly #rows: Readonly<Record<RollupKind, Collection<RollupDocument>>>;

  constructor(db: Db, session: ClientSession) {
    this.#db = db;
    this.#session = session;
    this.#rows = { figures: db.collection('rollups'), timings: db.collection('rollup_timings') };
  }

  async *projectedLogs(range: {
    readonly fromMs: number;
    readonly toMs: number;
  }): AsyncIterable<readonly ChargedLog[]> {
    const session = this.#session;
    const state = await this.#db.collection<StateDocument>('rollup_state').findOne({ _id: STATE }, { session });
    const { positions } = fromStateDocument(state);
    const createdAt = { $gte: new Date(range.fromMs), $lt: new Date(range.toMs) };
    const cursor = this.#db.collection<RequestLogDocument>('request_logs').find(
      { createdAt },
      // the other indexes have the right order and all logs
      { projection: LOG_FIELDS, sort: { partition: 1 }, hint: { createdAt: 1 }, allowDiskUse: true, session },
    );
    for await (const logs of inChunks(cursor, toChargedLog))
      yield logs.filter(({ partition, order }) => order <= (positions.get(partition) ?? 0n));
  }

  async figures(ids: readonly string[]): Promise<ReadonlyMap<string, IdentifiedRow<Figures>>> {
    return await this.#read('figures', ids, fromFiguresDocument);
  }

  async timings(ids: readonly string[]): Promise<ReadonlyMap<string, IdentifiedRow<Timings>>> {
    return await this.#read('timings', ids, fromTimingsDocument);
  }

  async countDay(kind: RollupKind, startMs: number): Promise<ReadonlyMap<string, number>> {
    const counts = await this.#rows[kind]
      .aggregate<{ _id: string; count: number }>(
        [
          { $match: { cube: { $in: [...CUBE_OF.keys()] }, unit: 'day', start: new Date(startMs) } },
          { $group: { _id: '$cube', count: { $sum: 1 } } },
        ],
        { session: this.#session },
      )
      .toArray();
    return new Map(counts.map(({ _id, count }) => [_id, count]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.endSession();
  }

  async #read<T>(
    kind: RollupKind,
    ids: readonly string[],
    from: (document: RollupDocument) => StoredRow<T>,
  ): Promise<ReadonlyMap<string, IdentifiedRow<T>>> {
    const documents = await this.#rows[kind]
      .find({ _id: { $in: [...ids] } }, { session: this.#session, batchSize: ids.length })
      .toArray();
    return new Map(documents.map((document) => [document._id, identified(document, from(document))]));
  }
}

function identified<T>(document: RollupDocument, row: StoredRow<T>): IdentifiedRow<T> {
  const cube = CUBE_OF.get(document.cube);
  return {
    ...row,
    id: document._id,
    startMs: document.start.getTime(),
    idAt: (unit, startMs) =>
      cube === undefined
        ? ''
        : idOf({ cube, unit, startMs, values: cube.dimensions.map((dimension) => document[dimension] ?? '') }),
  };
}
