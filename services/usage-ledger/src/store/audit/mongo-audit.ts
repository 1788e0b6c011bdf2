import type { Mongo } from '@omg/mongo';
import { Timestamp, type ClientSession, type Collection, type Document } from 'mongodb';
import type { AuditStore, BucketSums, RollupKind, RollupMoment, TenantSums } from '../../app/audit/audit-ports.ts';
import type { AuditedLog } from '../../domain/audit/audited-log.ts';
import type { BookedEntry } from '../../domain/audit/entry-audit.ts';
import type { StoredMark } from '../../domain/audit/number-audit.ts';
import { CUBES } from '../../domain/rollup-cube.ts';
import { UNITS, type Unit } from '../../domain/rollup-period.ts';
import type { EntryDocument, MarkDocument } from '../mongo-books.ts';
import { tokensOf, type RequestLogDocument } from '../request-log-document.ts';
import { idAbove, type RollupDocument } from '../rollup-document.ts';
import { readBucketSums } from './bucket-sums.ts';
import { inChunks } from './in-chunks.ts';
import { MongoRollupMoment } from './mongo-rollup-moment.ts';
import { readTenantSums } from './tenant-sums.ts';

const MAJORITY = { readConcern: { level: 'majority' } } as const;

const LOG_FIELDS = {
  tenantId: 1,
  partition: 1,
  epoch: 1,
  number: 1,
  chargedAt: 1,
  inputTokens: 1,
  outputTokens: 1,
  cacheWriteTokens: 1,
  cacheWrite1hTokens: 1,
  cacheHitTokens: 1,
  tokensUsed: 1,
  costNanoUsd: 1,
  creditsCost: 1,
  priceVersion: 1,
  entryId: 1,
} as const;

/**
 * Looks through the books. What changes while it is read is read as of one moment; the rest is only ever added to. The
 * connection is one of its own: what it asks takes longer than other calls may.
 */
export class MongoAudit implements AuditStore {
  readonly #mongo: Mongo;
  readonly #logs: Collection<RequestLogDocument>;
  readonly #entries: Collection<EntryDocument>;
  readonly #marks: Collection<MarkDocument>;
  readonly #rollups: Readonly<Record<RollupKind, Collection<RollupDocument>>>;

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
    this.#logs = mongo.db.collection('request_logs');
    this.#entries = mongo.db.collection('entries');
    this.#marks = mongo.db.collection('event_marks');
    this.#rollups = { figures: mongo.db.collection('rollups'), timings: mongo.db.collection('rollup_timings') };
  }

  async *tenantSums(): AsyncIterable<TenantSums> {
    await using session = this.#moment();
    yield* readTenantSums(this.#mongo.db, session);
  }

  async *logs(partition: number): AsyncIterable<readonly AuditedLog[]> {
    const last = await this.#logs.findOne({ partition }, { sort: { chargeOrder: -1 }, ...MAJORITY });
    if (last === null) return;
    const chargeOrder = { $gt: Timestamp.fromBits(0, 0), $lte: last.chargeOrder };
    const options = { projection: LOG_FIELDS, sort: { chargeOrder: 1 }, ...MAJORITY } as const;
    yield* inChunks(this.#logs.find({ partition, chargeOrder }, options), toAuditedLog);
  }

  async *entries(): AsyncIterable<readonly BookedEntry[]> {
    yield* inChunks(this.#entries.find({ kind: 'usage' }, MAJORITY), toBookedEntry);
  }

  async entriesOf(ids: readonly string[]): Promise<ReadonlyMap<string, BookedEntry>> {
    const documents = await this.#entries.find({ _id: { $in: [...ids] } }, MAJORITY).toArray();
    return new Map(documents.map((document) => [document._id, toBookedEntry(document)]));
  }

  async begun(entryIds: readonly string[]): Promise<ReadonlySet<string>> {
    const options = { projection: { entryId: 1 }, ...MAJORITY } as const;
    const documents = await this.#logs.find({ _id: { $in: [...entryIds] } }, options).toArray();
    return new Set(documents.filter(({ _id, entryId }) => _id === entryId).map(({ _id }) => _id));
  }

  async marks(): Promise<readonly StoredMark[]> {
    const documents = await this.#marks.find({}, MAJORITY).toArray();
    return documents.map(({ _id, upTo, ahead }) => {
      const at = _id.lastIndexOf('/');
      return { epoch: _id.slice(0, at), partition: Number(_id.slice(at + 1)), upTo, ahead };
    });
  }

  async *bucketSums(acceptedSinceMs: number): AsyncIterable<BucketSums> {
    await using session = this.#moment();
    yield* readBucketSums(this.#mongo.db, session, new Date(acceptedSinceMs));
  }

  async rollupMoment(): Promise<RollupMoment> {
    return await Promise.resolve(new MongoRollupMoment(this.#mongo.db, this.#moment()));
  }

  async *rollupIds(unit: Unit, kind: RollupKind): AsyncIterable<readonly string[]> {
    // of cubes that are not kept any more nothing is known
    const cube = { $in: CUBES.map(({ name }) => name) };
    yield* inChunks(
      this.#rollups[kind].find({ cube, unit }, { projection: { _id: 1 }, ...MAJORITY }),
      ({ _id }) => _id,
    );
  }

  async *missingRollups(unit: 'month' | 'year', kind: RollupKind): AsyncIterable<readonly string[]> {
    // with each new row those above it are written too, so what is below is looked at first
    for await (const below of this.rollupIds(UNITS[unit].below ?? unit, kind)) {
      const wanted = new Set(below.map((id) => idAbove(id, unit)));
      const options = { projection: { _id: 1 }, ...MAJORITY } as const;
      const found = await this.#rollups[kind].find({ _id: { $in: [...wanted] } }, options).toArray();
      yield [...wanted.difference(new Set(found.map(({ _id }) => _id)))];
    }
  }

  async lastAcceptedMs(): Promise<number> {
    const log = await this.#logs.findOne({}, { sort: { createdAt: -1 }, ...MAJORITY });
    const filter = { cube: 'all', unit: 'day' } as const;
    const row = await this.#rollups.figures.findOne(filter, { sort: { start: -1 }, ...MAJORITY });
    return Math.max(log?.createdAt.getTime() ?? 0, row?.start.getTime() ?? 0);
  }

  /** Everything that is read in it is of the moment of the first reading; the server keeps that for five minutes. */
  #moment(): ClientSession {
    return this.#mongo.db.client.startSession({ snapshot: true });
  }
}

function toAuditedLog(document: RequestLogDocument): AuditedLog {
  const { _id: requestId, tenantId, partition, epoch, number, chargedAt } = document;
  const { tokensUsed, costNanoUsd, creditsCost, priceVersion, entryId } = document;
  return {
    requestId,
    tenantId,
    partition,
    epoch,
    number,
    chargedAt,
    tokens: tokensOf(document),
    tokensUsed,
    costNanoUsd,
    creditsCost,
    priceVersion,
    entryId,
  };
}

function toBookedEntry({ _id, tenantId, partition, nanoUsd, requests, at }: EntryDocument & Document): BookedEntry {
  return { id: _id, tenantId, partition, nanoUsd, requests, at };
}
