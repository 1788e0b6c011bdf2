import { OmgError } from '@omg/errors';
import { asUnavailable, type Mongo } from '@omg/mongo';
import { Binary, type ClientSession, type Collection } from 'mongodb';
import type { BookedBatch, Books, Position } from '../app/ports.ts';
import type { Mark } from '../domain/mark.ts';
import type { TenantDocument } from './mongo-accounts.ts';
import { toRequestLogDocument, type RequestLogDocument } from './request-log-document.ts';

/** A partition's fence: every transaction changes it first, so of two that overlap only one commits. */
interface PartitionDocument {
  readonly _id: number;
  readonly seq: bigint;
  readonly position: { readonly incarnation: string; readonly seq: number };
}

interface EntryDocument {
  readonly _id: string;
  readonly tenantId: string;
  readonly partition: number;
  readonly kind: 'usage';
  readonly nanoUsd: bigint;
  readonly requests: number;
  readonly at: Date;
}

interface MarkDocument {
  /** `<epoch>/<partition>` */
  readonly _id: string;
  readonly upTo: bigint;
  readonly ahead: Mark['ahead'];
  readonly at: Date;
}

interface DeadLetterDocument {
  readonly _id: string;
  readonly partition: number;
  readonly reason: string;
  readonly payload: Binary;
  readonly at: Date;
}

/** The books: `partitions`, `tenants`, `request_logs`, `entries`, `event_marks`, `dead_letters`. */
export class MongoBooks implements Books {
  readonly #mongo: Mongo;
  readonly #partitions: Collection<PartitionDocument>;
  readonly #tenants: Collection<TenantDocument>;
  readonly #logs: Collection<RequestLogDocument>;
  readonly #entries: Collection<EntryDocument>;
  readonly #marks: Collection<MarkDocument>;
  readonly #deadLetters: Collection<DeadLetterDocument>;

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
    this.#partitions = mongo.db.collection('partitions');
    this.#tenants = mongo.db.collection('tenants');
    this.#logs = mongo.db.collection('request_logs');
    this.#entries = mongo.db.collection('entries');
    this.#marks = mongo.db.collection('event_marks');
    this.#deadLetters = mongo.db.collection('dead_letters');
  }

  async createIndexes(): Promise<void> {
    await this.#entries.createIndexes([{ key: { tenantId: 1, at: -1 } }]);
    // collections must exist before a transaction writes to them
    await Promise.all([
      this.#marks.createIndexes([{ key: { at: 1 } }]),
      this.#deadLetters.createIndexes([{ key: { at: -1 } }]),
    ]);
  }

  async position(partition: number): Promise<Position | undefined> {
    const found = await this.#partitions.findOneAndUpdate(
      { _id: partition },
      { $setOnInsert: { seq: 0n, position: { incarnation: '', seq: 0 } } },
      { upsert: true, returnDocument: 'after' },
    );
    if (found === null || found.position.incarnation === '') return undefined;
    return { incarnation: found.position.incarnation, seq: found.position.seq };
  }

  async known(requestIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (requestIds.length === 0) return new Set();
    const documents = await this.#logs.find({ _id: { $in: [...requestIds] } }, { projection: { _id: 1 } }).toArray();
    return new Set(documents.map(({ _id }) => _id));
  }

  async tenants(tenantIds: readonly string[]): Promise<ReadonlySet<string>> {
    const documents = await this.#tenants.find({ _id: { $in: [...tenantIds] } }, { projection: { _id: 1 } }).toArray();
    return new Set(documents.map(({ _id }) => _id));
  }

  async marks(partition: number, epochs: readonly string[]): Promise<ReadonlyMap<string, Mark>> {
    if (epochs.length === 0) return new Map();
    const ids = new Map(epochs.map((epoch) => [markId(epoch, partition), epoch]));
    const documents = await asUnavailable(
      async () => await this.#marks.find({ _id: { $in: [...ids.keys()] } }).toArray(),
    );
    return new Map(documents.map(({ _id, upTo, ahead }) => [ids.get(_id) ?? '', { upTo, ahead }]));
  }

  async book(batch: BookedBatch): Promise<void> {
    await this.#mongo.transaction(async (session) => {
      await this.#moveFence(batch, session);
      await this.#chargeAccounts(batch, session);
      if (batch.charged.length > 0) await this.#logs.insertMany(batch.charged.map(toRequestLogDocument), { session });
      if (batch.entries.length > 0) {
        await this.#entries.insertMany(
          batch.entries.map(({ id, ...entry }) => ({ _id: id, partition: batch.partition, kind: 'usage', ...entry })),
          { session },
        );
      }
      await this.#setMarks(batch, session);
      await this.#keepDeadLetters(batch, session);
    });
  }

  async #moveFence({ partition, from, to }: BookedBatch, session: ClientSession): Promise<void> {
    const { matchedCount } = await this.#partitions.updateOne(
      { _id: partition, 'position.incarnation': from?.incarnation ?? '', 'position.seq': from?.seq ?? 0 },
      { $inc: { seq: 1n }, $set: { position: to } },
      { session },
    );
    if (matchedCount === 0) throw new OmgError('not_owner', `somebody else has charged partition ${partition} further`);
  }

  async #chargeAccounts({ entries }: BookedBatch, session: ClientSession): Promise<void> {
    if (entries.length === 0) return;
    const { matchedCount } = await this.#tenants.bulkWrite(
      entries.map(({ tenantId, nanoUsd }) => ({
        updateOne: { filter: { _id: tenantId }, update: { $inc: { spentNanoUsd: nanoUsd } } },
      })),
      { session },
    );
    if (matchedCount !== entries.length)
      throw new OmgError('failed_precondition', 'an account that is to be charged does not exist');
  }

  async #setMarks({ partition, marks }: BookedBatch, session: ClientSession): Promise<void> {
    if (marks.size === 0) return;
    const at = new Date();
    await this.#marks.bulkWrite(
      [...marks].map(([epoch, { upTo, ahead }]) => ({
        updateOne: { filter: { _id: markId(epoch, partition) }, update: { $set: { upTo, ahead, at } }, upsert: true },
      })),
      { session },
    );
  }

  async #keepDeadLetters({ partition, deadLetters }: BookedBatch, session: ClientSession): Promise<void> {
    if (deadLetters.length === 0) return;
    const at = new Date();
    await this.#deadLetters.bulkWrite(
      deadLetters.map(({ id, reason, payload }) => ({
        updateOne: {
          filter: { _id: id },
          update: { $setOnInsert: { partition, reason, payload: new Binary(payload), at } },
          upsert: true,
        },
      })),
      { session },
    );
  }
}

function markId(epoch: string, partition: number): string {
  return `${epoch}/${partition}`;
}
