import { OmgError } from '@omg/errors';
import { asUnavailable, isDuplicateKey, type Mongo, type Owned } from '@omg/mongo';
import { Binary, type ClientSession, type Collection, type Document, type Filter, type UpdateFilter } from 'mongodb';
import { z } from 'zod';
import type { BookedBatch, Books, Position } from '../app/ports.ts';
import type { BudgetSpend, Entry } from '../domain/charge.ts';
import type { Purses } from '../domain/credits.ts';
import { EMPTY_MARK, type Mark } from '../domain/mark.ts';
import { serviceOfAccount } from '../domain/service-account.ts';
import { pursesOf, type ClientKeyDocument, type TenantDocument } from './account-documents.ts';
import { toRequestLogDocument, type RequestLogDocument } from './request-log-document.ts';

/** Of publishers that an owner keeps in mind. */
const MOST_MARKS = 1_000;

const StoredPosition = z.object({ incarnation: z.string(), seq: z.coerce.number() });

export interface OwnedBooks extends Books {
  readonly position: () => Position | undefined;
}

export interface EntryDocument {
  readonly _id: string;
  readonly tenantId: string;
  readonly partition: number;
  readonly kind: 'usage';
  readonly nanoUsd: bigint;
  readonly requests: number;
  readonly at: Date;
}

export interface MarkDocument {
  /** `<epoch>/<partition>` */
  readonly _id: string;
  readonly upTo: bigint;
  readonly ahead: Mark['ahead'];
  readonly at: Date;
}

export interface DeadLetterDocument {
  readonly _id: string;
  readonly partition: number;
  readonly reason: string;
  readonly payload: Binary;
  readonly at: Date;
}

/** The books: `tenants`, `request_logs`, `entries`, `event_marks`, `dead_letters`. */
export class MongoBooks {
  readonly #tenants: Collection<TenantDocument>;
  readonly #keys: Collection<ClientKeyDocument>;
  readonly #logs: Collection<RequestLogDocument>;
  readonly #entries: Collection<EntryDocument>;
  readonly #marks: Collection<MarkDocument>;
  readonly #deadLetters: Collection<DeadLetterDocument>;

  constructor(mongo: Mongo) {
    this.#tenants = mongo.db.collection('tenants');
    this.#keys = mongo.db.collection('client_keys');
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

  /** The books as only the partition's owner may write them, and where its last transaction ended. */
  forOwner(owned: Owned): OwnedBooks {
    let position = readPosition(owned.fence);
    // only this owner writes them
    const marks = new Map<string, Mark>();
    return {
      position: () => position,
      known: async (requestIds) => await this.known(requestIds),
      tenants: async (tenantIds) => await this.tenants(tenantIds),
      marks: async (partition, epochs) => {
        const unread = epochs.filter((epoch) => !marks.has(epoch));
        if (marks.size + unread.length > MOST_MARKS) return await this.marks(partition, epochs);
        const found = await this.marks(partition, unread);
        // a transaction may have set one meanwhile
        for (const epoch of unread) marks.getOrInsert(epoch, found.get(epoch) ?? EMPTY_MARK);
        return new Map(epochs.map((epoch) => [epoch, marks.get(epoch) ?? EMPTY_MARK]));
      },
      book: async (batch) => {
        try {
          await owned.transaction(
            async (session) => {
              await this.#write(batch, session);
            },
            { position: batch.to },
          );
        } catch (error) {
          // it may be committed even so
          marks.clear();
          if (!isDuplicateKey(error)) throw error;
          throw new OmgError('already_exists', 'a request is in the books already', { cause: error });
        }
        for (const [epoch, mark] of batch.marks) marks.set(epoch, mark);
        position = batch.to;
      },
    };
  }

  async known(requestIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (requestIds.length === 0) return new Set();
    const documents = await this.#logs.find({ _id: { $in: [...requestIds] } }, { projection: { _id: 1 } }).toArray();
    return new Set(documents.map(({ _id }) => _id));
  }

  async tenants(tenantIds: readonly string[]): Promise<ReadonlyMap<string, Purses>> {
    const projection = { creditsNanoUsd: 1, refCreditsNanoUsd: 1, spentNanoUsd: 1 };
    const documents = await this.#tenants.find({ _id: { $in: [...tenantIds] } }, { projection }).toArray();
    return new Map(documents.map((document) => [document._id, pursesOf(document)]));
  }

  async marks(partition: number, epochs: readonly string[]): Promise<ReadonlyMap<string, Mark>> {
    if (epochs.length === 0) return new Map();
    const ids = new Map(epochs.map((epoch) => [markId(epoch, partition), epoch]));
    const documents = await asUnavailable(
      async () => await this.#marks.find({ _id: { $in: [...ids.keys()] } }).toArray(),
    );
    return new Map(documents.map(({ _id, upTo, ahead }) => [ids.get(_id) ?? '', { upTo, ahead }]));
  }

  async #write(batch: BookedBatch, session: ClientSession): Promise<void> {
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
  }

  async #chargeAccounts({ entries, budgets }: BookedBatch, session: ClientSession): Promise<void> {
    if (entries.length === 0) return;
    const spends = Map.groupBy(budgets, ({ of, id }) => `${of}|${id}`);
    const writes = entries.map((entry) => ({
      updateOne: chargeOf(entry, spends.get(`tenant|${entry.tenantId}`) ?? []),
    }));
    const { matchedCount, upsertedCount } = await this.#tenants.bulkWrite(writes, { session });
    if (matchedCount + upsertedCount !== entries.length)
      throw new OmgError('failed_precondition', 'an account that is to be charged does not exist');
    const ofKeys = [...spends.values()].filter(([first]) => first?.of === 'key');
    if (ofKeys.length === 0) return;
    await this.#keys.bulkWrite(
      ofKeys.map((list) => ({
        updateOne: { filter: { _id: list[0]?.id ?? '' }, update: { $inc: spendFields(list) } },
      })),
      { session },
    );
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
          // what is replayed may be refused for another reason than before
          update: { $set: { reason }, $setOnInsert: { partition, payload: new Binary(payload), at } },
          upsert: true,
        },
      })),
      { session },
    );
  }
}

/** A service's account is made with its first charge; nobody has to buy credits for it. */
function chargeOf(
  { tenantId, nanoUsd, at }: Entry,
  spends: readonly BudgetSpend[],
): {
  readonly filter: Filter<TenantDocument>;
  readonly update: UpdateFilter<TenantDocument>;
  readonly upsert: boolean;
} {
  const filter = { _id: tenantId };
  const $inc = { spentNanoUsd: nanoUsd, ...spendFields(spends) };
  const service = serviceOfAccount(tenantId);
  if (service === undefined) return { filter, update: { $inc }, upsert: false };
  const $setOnInsert = {
    name: service,
    type: 'service',
    status: 'active',
    version: 1n,
    creditsNanoUsd: 0n,
    createdAt: at,
  } as const;
  return { filter, update: { $inc, $setOnInsert }, upsert: true };
}

function spendFields(spends: readonly BudgetSpend[]): Record<string, bigint> {
  return Object.fromEntries(spends.map(({ bucket, nanoUsd }) => [`spentBy.${bucket}`, nanoUsd]));
}

/** Of a fence as it was taken over; the driver gives a small number as one, whatever was written. */
export function readPosition({ position }: Document): Position | undefined {
  const parsed = StoredPosition.safeParse(position);
  return parsed.success ? parsed.data : undefined;
}

function markId(epoch: string, partition: number): string {
  return `${epoch}/${partition}`;
}
