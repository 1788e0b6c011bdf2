import { OmgError } from '@omg/errors';
import { asUnavailable, type Mongo } from '@omg/mongo';
import { Timestamp, type ClientSession, type Collection, type Document } from 'mongodb';
import type {
  ChargedLog,
  FigureRow,
  RollupReader,
  RollupState,
  RollupStore,
  RowsWanted,
  SpanWanted,
  TakeRow,
  TimingsRow,
} from '../app/rollup-ports.ts';
import { failureKind } from '../domain/failure-kind.ts';
import type { RollupRow } from '../domain/rollup-fold.ts';
import { RawFigureRow, RawTimingsRow } from './raw-rows.ts';
import { tokensOf, type RequestLogDocument } from './request-log-document.ts';
import { hasTimings, idOf, toFiguresDocument, toTimingsDocument, type RollupDocument } from './rollup-document.ts';

/** The fence of the projection: every transaction changes it first, so of two that overlap only one commits. */
export interface StateDocument {
  readonly _id: string;
  readonly version: bigint;
  /** By partition. */
  readonly positions: Readonly<Record<string, Timestamp>>;
}

export const STATE = 'rollups';
const CHUNK = 1_000;
/** While some rows are added up the server reads the next ones. */
const BATCH = 500;

/** What the projection needs of a log. */
export const LOG_FIELDS = {
  partition: 1,
  chargeOrder: 1,
  createdAt: 1,
  site: 1,
  provider: 1,
  model: 1,
  tenantId: 1,
  userKeyId: 1,
  factoryKeyId: 1,
  inputTokens: 1,
  outputTokens: 1,
  cacheWriteTokens: 1,
  cacheWrite1hTokens: 1,
  cacheHitTokens: 1,
  costNanoUsd: 1,
  priceVersion: 1,
  latencyMs: 1,
  firstTokenMs: 1,
  isSuccess: 1,
  statusCode: 1,
  abortReason: 1,
  'attempts.cause': 1,
} as const;

/** The collections `rollups`, `rollup_timings` and `rollup_state`. */
export class MongoRollups implements RollupStore, RollupReader {
  readonly #mongo: Mongo;
  readonly #logs: Collection<RequestLogDocument>;
  readonly #figures: Collection<RollupDocument>;
  readonly #timings: Collection<RollupDocument>;
  readonly #state: Collection<StateDocument>;

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
    this.#logs = mongo.db.collection('request_logs');
    this.#figures = mongo.db.collection('rollups');
    this.#timings = mongo.db.collection('rollup_timings');
    this.#state = mongo.db.collection('rollup_state');
  }

  async createIndexes(): Promise<void> {
    const unitOf = (name: string) => ({ cube: 1, unit: 1, [name]: 1, start: 1 }) as const;
    const only = (name: string) => ({ partialFilterExpression: { [name]: { $exists: true } } });
    for (const rows of [this.#figures, this.#timings]) {
      await rows.createIndexes([
        { key: { cube: 1, unit: 1, start: 1 } },
        { key: unitOf('tenantId'), ...only('tenantId') },
        { key: unitOf('clientKeyId'), ...only('clientKeyId') },
        { key: unitOf('upstreamKeyId'), ...only('upstreamKeyId') },
      ]);
    }
    await this.#state.updateOne({ _id: STATE }, { $setOnInsert: { version: 0n, positions: {} } }, { upsert: true });
  }

  async state(): Promise<RollupState> {
    const found = await asUnavailable(async () => await this.#state.findOne({ _id: STATE }));
    return fromStateDocument(found);
  }

  async chargedAfter(from: { partition: number; order: bigint; limit: number }): Promise<readonly ChargedLog[]> {
    const documents = await asUnavailable(
      async () =>
        await this.#logs
          .find(
            { partition: from.partition, chargeOrder: { $gt: new Timestamp(from.order) } },
            {
              projection: LOG_FIELDS,
              sort: { chargeOrder: 1 },
              limit: from.limit,
              // what could still be rolled back is not charged yet
              readConcern: { level: 'majority' },
            },
          )
          .toArray(),
    );
    return documents.map(toChargedLog);
  }

  async add(change: {
    from: RollupState;
    positions: ReadonlyMap<number, bigint>;
    rows: readonly RollupRow[];
  }): Promise<void> {
    const positions = Object.fromEntries(
      [...change.positions].map(([partition, order]) => [partition, new Timestamp(order)]),
    );
    await this.#mongo.transaction(async (session) => {
      const { matchedCount } = await this.#state.updateOne(
        { _id: STATE, version: change.from.version },
        { $inc: { version: 1n }, $set: { positions } },
        { session },
      );
      if (matchedCount === 0) throw new OmgError('not_owner', 'somebody else has projected further');
      await addAll(this.#figures, { rows: change.rows, toDocument: toFiguresDocument, session });
      await addAll(this.#timings, { rows: change.rows.filter(hasTimings), toDocument: toTimingsDocument, session });
    });
  }

  async figures(wanted: RowsWanted, take: TakeRow<FigureRow>): Promise<void> {
    await readPieces(this.#figures, wanted, (document, cells) => {
      take(new RawFigureRow(document, wanted.groupBy), cells);
    });
  }

  async timings(wanted: RowsWanted, take: TakeRow<TimingsRow>): Promise<void> {
    await readPieces(this.#timings, wanted, (document, cells) => {
      take(new RawTimingsRow(document, wanted.groupBy), cells);
    });
  }

  async figureCells(wanted: SpanWanted, take: (row: FigureRow, startMs: number) => void): Promise<void> {
    const { fromMs, toMs } = wanted;
    const start = { $gte: new Date(fromMs), $lt: new Date(toMs) };
    await read(this.#figures, { ...wanted, start, fields: ['start', 'cells'] }, (document) => {
      const row = new RawFigureRow(document, wanted.groupBy);
      take(row, row.startMs);
    });
  }
}

export function fromStateDocument(found: StateDocument | null): RollupState {
  if (found === null) throw new OmgError('failed_precondition', 'rollup_state is gone');
  const positions = Object.entries(found.positions).map(
    ([partition, order]) => [Number(partition), order.toBigInt()] as const,
  );
  return { version: found.version, positions: new Map(positions) };
}

/** Reads what is there and writes what is to be there: nobody else does, as long as the fence is held. */
async function addAll(
  into: Collection<RollupDocument>,
  {
    rows,
    toDocument,
    session,
  }: {
    readonly rows: readonly RollupRow[];
    readonly toDocument: (row: RollupRow, stored?: RollupDocument) => RollupDocument;
    readonly session: ClientSession;
  },
): Promise<void> {
  for (let at = 0; at < rows.length; at += CHUNK) {
    const chunk = new Map(rows.slice(at, at + CHUNK).map((row) => [idOf(row), row]));
    const stored = await into.find({ _id: { $in: [...chunk.keys()] } }, { session, batchSize: CHUNK }).toArray();
    const byId = new Map(stored.map((document) => [document._id, document]));
    await into.bulkWrite(
      [...chunk].map(([_id, row]) => {
        const document = toDocument(row, byId.get(_id));
        const { total, cells } = document;
        return byId.has(_id)
          ? { updateOne: { filter: { _id }, update: { $set: { total, cells } } } }
          : { insertOne: { document } };
      }),
      { session, ordered: false },
    );
  }
}

/** Of rows that are wanted whole only the totals, of others only the cells: each with nothing that is known beforehand. */
async function readPieces(
  rows: Collection<RollupDocument>,
  { pieces, ...wanted }: RowsWanted,
  take: TakeRow<Buffer>,
): Promise<void> {
  const whole = Map.groupBy(
    pieces.filter(({ cells }) => cells === undefined),
    ({ unit }) => unit,
  );
  await Promise.all([
    ...whole.entries().map(async ([unit, list]) => {
      const start = { $in: list.map(({ startMs }) => new Date(startMs)) };
      await read(rows, { ...wanted, unit, start, fields: ['total'] }, (document) => {
        take(document, undefined);
      });
    }),
    ...pieces.map(async ({ unit, startMs, cells }) => {
      if (cells === undefined) return;
      await read(rows, { ...wanted, unit, start: new Date(startMs), fields: ['cells'] }, (document) => {
        take(document, cells);
      });
    }),
  ]);
}

interface Reading extends Pick<SpanWanted, 'cube' | 'scope' | 'unit' | 'groupBy'> {
  readonly start: Date | Document;
  /** What is read beside the values that are grouped by. */
  readonly fields: readonly (keyof RollupDocument)[];
}

async function read(
  rows: Collection<RollupDocument>,
  { cube, scope, unit, groupBy, start, fields }: Reading,
  take: (document: Buffer) => void,
): Promise<void> {
  // to say what to leave out takes the server half as long again
  const projection = { _id: 0, ...Object.fromEntries([...groupBy, ...fields].map((name) => [name, 1])) };
  const filter: Document = { cube: cube.name, unit, ...scope, start };
  await asUnavailable(async () => {
    await using cursor = rows.find<Buffer>(filter, { projection, batchSize: BATCH, raw: true });
    // no list of rows: what is added up at once need not outlive a collection
    while (await cursor.hasNext()) for (const document of cursor.readBufferedDocuments()) take(document);
  });
}

export function toChargedLog(document: RequestLogDocument): ChargedLog {
  const { abortReason, attempts, statusCode } = document;
  const lastCause = attempts.at(-1)?.cause ?? '';
  return {
    requestId: document._id,
    partition: document.partition,
    order: document.chargeOrder.toBigInt(),
    acceptedAtMs: document.createdAt.getTime(),
    site: document.site,
    provider: document.provider,
    model: document.model,
    tenantId: document.tenantId,
    clientKeyId: document.userKeyId,
    upstreamKeyId: document.factoryKeyId,
    failure: failureKind({ success: document.isSuccess, abortReason, lastCause, statusCode }),
    tokens: tokensOf(document),
    latencyMs: document.latencyMs,
    firstTokenMs: document.firstTokenMs,
    costNanoUsd: document.costNanoUsd,
    priceVersion: document.priceVersion,
  };
}
