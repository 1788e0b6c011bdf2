import type { Mongo, Owned } from '@omg/mongo';
import type { AnyBulkWriteOperation, ClientSession, Collection, Document, Filter } from 'mongodb';
import type { OwnedRefusals, RefusalFilter, RefusalSum, Refusals, StoredRefusal } from '../app/refusal-ports.ts';
import type { TimeCursor } from '../app/time-cursor.ts';
import type { RefusalBatch, RefusalCount } from '../domain/refusal.ts';
import { forgetAfter } from './forget-after.ts';
import { readPosition } from './mongo-books.ts';
import { readWithinTime } from './read-within-time.ts';
import { withoutUndefined } from './without-undefined.ts';

/** What is not known of a request is not there. */
interface RefusalDocument extends RefusalCount {
  readonly _id: string;
}

interface GroupDocument extends Pick<RefusalSum, 'firstMinute' | 'lastMinute' | 'count'> {
  readonly _id: Omit<RefusalCount, 'minute' | 'count'>;
}

/** What requests that were refused alike have in common, beside the minute. */
const ALIKE = ['tenantId', 'clientKeyId', 'site', 'dialect', 'kind', 'status', 'merged'] as const;

/** Which batches of a router process are counted. */
interface MarkDocument {
  /** The epoch. */
  readonly _id: string;
  readonly upTo: bigint;
  readonly at: Date;
}

/** Longer than a message stays in the stream. */
const MARK_RETENTION_MS = 30 * 86_400_000;

/** The collection `refusals`, and `refusal_marks`, by which a batch that comes again is known. */
export class MongoRefusals implements Refusals {
  readonly #mongo: Mongo;
  readonly #refusals: Collection<RefusalDocument>;
  readonly #marks: Collection<MarkDocument>;

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
    this.#refusals = mongo.db.collection('refusals');
    this.#marks = mongo.db.collection('refusal_marks');
  }

  async createIndexes({ retentionMs }: { readonly retentionMs: number }): Promise<void> {
    await this.#refusals.createIndexes([
      { key: { minute: -1, _id: -1 } },
      { key: { tenantId: 1, minute: -1, _id: -1 } },
      { key: { clientKeyId: 1, minute: -1, _id: -1 } },
    ]);
    await forgetAfter(this.#mongo, this.#refusals.collectionName, { minute: 1 }, retentionMs);
    await forgetAfter(this.#mongo, this.#marks.collectionName, { at: 1 }, MARK_RETENTION_MS);
  }

  forOwner(owned: Owned): OwnedRefusals {
    let position = readPosition(owned.fence);
    return {
      position: () => position,
      add: async (batch, to) => {
        await owned.transaction(
          async (session) => {
            if (batch !== undefined) await this.#add(batch, session);
          },
          { position: to },
        );
        position = to;
      },
    };
  }

  async list(
    filter: RefusalFilter,
    { size, before }: { readonly size: number; readonly before: TimeCursor | undefined },
  ): Promise<readonly StoredRefusal[]> {
    const $and = [toFilter(filter), ...(before === undefined ? [] : [olderThan(before)])];
    const options = { sort: { minute: -1, _id: -1 }, limit: size } as const;
    const documents = await readWithinTime(
      async (bounds) => await this.#refusals.find({ $and }, { ...options, ...bounds }).toArray(),
    );
    return documents.map(({ _id: id, ...count }) => ({ id, count }));
  }

  async sum(
    filter: RefusalFilter,
    { size, skip }: { readonly size: number; readonly skip: number },
  ): Promise<readonly RefusalSum[]> {
    const pipeline: Document[] = [
      { $match: toFilter(filter) },
      {
        $group: {
          _id: Object.fromEntries(ALIKE.map((name) => [name, `$${name}`])),
          count: { $sum: '$count' },
          firstMinute: { $min: '$minute' },
          lastMinute: { $max: '$minute' },
        },
      },
      // a group's fields decide where counts are the same, so that pages fit together
      { $sort: { count: -1, _id: 1 } },
      { $skip: skip },
      { $limit: size },
    ];
    const groups = await readWithinTime(
      async (bounds) =>
        await this.#refusals.aggregate<GroupDocument>(pipeline, { ...bounds, allowDiskUse: true }).toArray(),
    );
    return groups.map(({ _id: alike, ...counted }) => ({ ...alike, ...counted }));
  }

  async #add({ epoch, number, counts }: RefusalBatch, session: ClientSession): Promise<void> {
    const mark = await this.#marks.findOne({ _id: epoch }, { session });
    if (mark !== null && mark.upTo >= number) return;
    if (counts.length > 0) await this.#refusals.bulkWrite(counts.map(toUpsert), { session });
    const $set = { upTo: number, at: new Date() };
    await this.#marks.updateOne({ _id: epoch }, { $set }, { session, upsert: true });
  }
}

function toUpsert({ count, ...alike }: RefusalCount): AnyBulkWriteOperation<RefusalDocument> {
  return {
    updateOne: { filter: { _id: idOf(alike) }, update: { $inc: { count }, $setOnInsert: alike }, upsert: true },
  };
}

/** The same for what was refused alike in a minute, whichever router tells it. */
function idOf(alike: Omit<RefusalCount, 'count'>): string {
  return JSON.stringify([alike.minute, ...ALIKE.map((name) => alike[name])]);
}

function toFilter({ from, to, ...same }: RefusalFilter): Filter<RefusalDocument> {
  const minute = from === undefined && to === undefined ? undefined : withoutUndefined({ $gte: from, $lt: to });
  return withoutUndefined({ ...same, minute });
}

function olderThan({ at, id }: TimeCursor): Filter<RefusalDocument> {
  return { $or: [{ minute: { $lt: at } }, { minute: at, _id: { $lt: id } }] };
}
