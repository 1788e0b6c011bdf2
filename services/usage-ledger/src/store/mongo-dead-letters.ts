import { asUnavailable, type Mongo } from '@omg/mongo';
import type { Collection, Document, Filter } from 'mongodb';
import type { DeadLetterStore, LetterQuery, StoredLetter } from '../app/dead-letters/dead-letter-ports.ts';
import type { Position } from '../app/ports.ts';
import type { TimeCursor } from '../app/time-cursor.ts';
import { partitionId } from '../domain/partition-id.ts';
import { inChunks } from './audit/in-chunks.ts';
import { readPosition, type DeadLetterDocument } from './mongo-books.ts';

interface FenceDocument extends Document {
  readonly _id: string;
}

/** Reads the collection `dead_letters`, and takes away what is charged; only charging adds to it. */
export class MongoDeadLetters implements DeadLetterStore {
  readonly #letters: Collection<DeadLetterDocument>;
  readonly #fences: Collection<FenceDocument>;

  constructor({ db }: Mongo) {
    this.#letters = db.collection('dead_letters');
    this.#fences = db.collection('fences');
  }

  async list(
    query: LetterQuery & { readonly limit: number; readonly before: TimeCursor | undefined },
  ): Promise<readonly StoredLetter[]> {
    const filter: Filter<DeadLetterDocument> = { $and: [toFilter(query), olderThan(query.before)] };
    const options = { sort: { at: -1, _id: -1 }, limit: query.limit } as const;
    return (await asUnavailable(async () => await this.#letters.find(filter, options).toArray())).map(fromDocument);
  }

  async find(ids: readonly string[]): Promise<readonly StoredLetter[]> {
    const documents = await asUnavailable(async () => await this.#letters.find({ _id: { $in: [...ids] } }).toArray());
    return documents.map(fromDocument);
  }

  async *all(): AsyncIterable<readonly StoredLetter[]> {
    yield* inChunks(this.#letters.find({}, { readConcern: { level: 'majority' } }), fromDocument);
  }

  async countByReason(): Promise<ReadonlyMap<string, number>> {
    const counts = await asUnavailable(
      async () =>
        await this.#letters
          .aggregate<{ _id: string; count: number }>([
            { $group: { _id: '$reason', count: { $sum: 1 } } },
            { $sort: { count: -1, _id: 1 } },
          ])
          .toArray(),
    );
    return new Map(counts.map(({ _id, count }) => [_id, count]));
  }

  async remove(ids: readonly string[]): Promise<void> {
    await asUnavailable(async () => await this.#letters.deleteMany({ _id: { $in: [...ids] } }));
  }

  async position(partition: number): Promise<Position | undefined> {
    const options = { readConcern: { level: 'majority' } } as const;
    const fence = await asUnavailable(async () => await this.#fences.findOne({ _id: partitionId(partition) }, options));
    return fence === null ? undefined : readPosition(fence);
  }
}

function fromDocument({ _id: id, partition, reason, payload, at }: DeadLetterDocument): StoredLetter {
  return { id, partition, reason, payload: payload.value(), at };
}

function toFilter({ reason, partition, from, to }: LetterQuery): Filter<DeadLetterDocument> {
  return {
    ...(reason === '' ? {} : { reason: { $regex: RegExp.escape(reason), $options: 'i' } }),
    ...(partition === undefined ? {} : { partition }),
    ...(from === undefined && to === undefined
      ? {}
      : { at: { ...(from === undefined ? {} : { $gte: from }), ...(to === undefined ? {} : { $lt: to }) } }),
  };
}

function olderThan(before: TimeCursor | undefined): Filter<DeadLetterDocument> {
  if (before === undefined) return {};
  const { at, id } = before;
  return { $or: [{ at: { $lt: at } }, { at, _id: { $lt: id } }] };
}
