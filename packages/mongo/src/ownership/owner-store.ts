import type { Binary, ClientSession, Collection, Db, Document } from 'mongodb';
import { isDuplicateKey } from '../is-duplicate-key.ts';
import type { View } from './ownership-state.ts';
import type { OwnerView } from './share.ts';
import { LEASE_MS, MEMBER_MS } from './timing.ts';

interface OwnerDocument {
  readonly _id: string;
  readonly holder: string;
  readonly address: string;
  readonly term: number;
  readonly lsids: readonly Binary[];
  readonly until: Date;
}

interface MemberDocument {
  readonly _id: string;
  readonly since: Date;
  readonly until: Date;
}

interface FenceDocument extends Document {
  readonly _id: string;
  readonly term: number;
  readonly holder: string;
  readonly seq: bigint;
}

type OwnerRow = Omit<OwnerDocument, 'until' | 'lsids'> & { readonly isOver: boolean; readonly member?: never };
type Row = OwnerRow | { readonly _id: string; readonly member: true };

export interface OwnerStoreOptions {
  readonly db: Db;
  readonly ids: readonly string[];
  readonly holder: string;
  readonly address: string;
  readonly owners: string;
  readonly fences: string;
}

/** The fence with the new term in it, or the higher term that it has. */
type WrittenFence = { readonly fence: Document } | { readonly above: number };

interface Claim {
  readonly id: string;
  readonly seenTerm: number;
  readonly term: number;
  readonly lsid: Binary;
}

// so many takeovers that did not come to their end: the sessions of older ones have long been ended by the server
const MAX_LSIDS = 100;
const MEMBERS_KEPT_SECONDS = 60;
const FENCE_WAIT_MS = 500;
const PRIMARY = { readPreference: 'primary' } as const;

/** `owners`, its members and the fences. All times are mongod's: `$$NOW` works in expressions only, so documents are inserted first and claimed by update. */
export class OwnerStore {
  readonly #options: OwnerStoreOptions;
  readonly #owners: Collection<OwnerDocument>;
  readonly #members: Collection<MemberDocument>;
  readonly #fences: Collection<FenceDocument>;

  constructor(options: OwnerStoreOptions) {
    const { db, owners, fences } = options;
    this.#options = options;
    this.#owners = db.collection(owners, PRIMARY);
    this.#members = db.collection(`${owners}_members`, PRIMARY);
    this.#fences = db.collection(fences, PRIMARY);
  }

  async createIndexes(): Promise<void> {
    await this.#members.createIndex({ until: 1 }, { expireAfterSeconds: MEMBERS_KEPT_SECONDS });
  }

  async look(beat: boolean): Promise<View> {
    if (beat) await this.#beat();
    const rows = await this.#owners
      .aggregate<Row>([
        { $match: { _id: { $in: this.#options.ids } } },
        { $project: { holder: 1, address: 1, term: 1, isOver: { $lte: ['$until', '$$NOW'] } } },
        {
          $unionWith: {
            coll: this.#members.collectionName,
            pipeline: [
              { $match: { $expr: { $gt: ['$until', '$$NOW'] } } },
              { $sort: { since: 1, _id: 1 } },
              { $project: { member: { $literal: true } } },
            ],
          },
        },
      ])
      .toArray();
    const owners = rows.flatMap((row) => (row.member === true ? [] : [toView(row)]));
    await this.#insertMissing(new Set(owners.map(({ id }) => id)));
    return { owners, members: rows.filter(({ member }) => member === true).map(({ _id }) => _id) };
  }

  async resign(): Promise<void> {
    await this.#members.deleteOne({ _id: this.#options.holder });
  }

  /** The sessions that are to be ended, where the claim was won. */
  async claim({ id, seenTerm, term, lsid }: Claim): Promise<readonly Binary[] | undefined> {
    const { holder, address } = this.#options;
    const before = await this.#owners.findOneAndUpdate(
      { _id: id, term: seenTerm, $or: [{ holder }, { $expr: { $lte: ['$until', '$$NOW'] } }] },
      [
        {
          $set: {
            holder: { $literal: holder },
            address: { $literal: address },
            term,
            lsids: { $slice: [{ $concatArrays: ['$lsids', [lsid]] }, -MAX_LSIDS] },
            until: { $add: ['$$NOW', LEASE_MS] },
          },
        },
      ],
      { returnDocument: 'before' },
    );
    return before?.lsids;
  }

  /** With `only`, that session is the one that is recorded from now on. */
  async renew(id: string, term: number, only: Binary | undefined): Promise<boolean> {
    const until = { $add: ['$$NOW', LEASE_MS] };
    const { matchedCount } = await this.#owners.updateOne({ _id: id, holder: this.#options.holder, term }, [
      { $set: only === undefined ? { until } : { until, lsids: [only] } },
    ]);
    return matchedCount > 0;
  }

  async release(id: string, term: number): Promise<void> {
    await this.#owners.updateOne({ _id: id, holder: this.#options.holder, term }, [
      { $set: { holder: '', address: '', until: '$$NOW' } },
    ]);
  }

  /** The open transactions of killed owners keep their locks; this ends them. */
  async endSessions(lsids: readonly Binary[]): Promise<void> {
    if (lsids.length === 0) return;
    await this.#options.db.admin().command({ killSessions: lsids.map((id) => ({ id })) });
  }

  async writeFence(id: string, term: number): Promise<WrittenFence> {
    const { holder } = this.#options;
    const written = await this.#fences.findOneAndUpdate(
      { _id: id, $or: [{ term: { $lt: term } }, { term, holder }, { term: { $exists: false } }] },
      { $set: { term, holder }, $inc: { seq: 1n } },
      // a transaction that has changed the fence and was begun after its session was ended lets this wait
      { returnDocument: 'after', maxTimeMS: FENCE_WAIT_MS },
    );
    if (written !== null) return { fence: written };
    const fence: FenceDocument = { _id: id, term, holder, seq: 0n };
    try {
      await this.#fences.insertOne(fence);
      return { fence };
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
    const higher = await this.#fences.findOne({ _id: id });
    return { above: higher?.term ?? 0 };
  }

  /** The first operation of each transaction of an owner: of two that overlap, only one commits. */
  async changeFence(
    { id, term, set }: { readonly id: string; readonly term: number; readonly set: Document | undefined },
    session: ClientSession,
  ): Promise<boolean> {
    const { matchedCount } = await this.#fences.updateOne(
      { _id: id, term },
      { $inc: { seq: 1n }, ...(set !== undefined && { $set: set }) },
      { session },
    );
    return matchedCount > 0;
  }

  /** Who was out of the count comes in again as the last: what others took meanwhile stays where it is. */
  async #beat(): Promise<void> {
    const isIn = { $gt: ['$until', '$$NOW'] };
    await this.#members.updateOne(
      { _id: this.#options.holder },
      [{ $set: { since: { $cond: [isIn, '$since', '$$NOW'] }, until: { $add: ['$$NOW', MEMBER_MS] } } }],
      { upsert: true },
    );
  }

  async #insertMissing(present: ReadonlySet<string>): Promise<void> {
    const missing = this.#options.ids.filter((id) => !present.has(id));
    if (missing.length === 0) return;
    try {
      await this.#owners.insertMany(
        missing.map((_id) => ({ _id, holder: '', address: '', term: 0, lsids: [], until: new Date(0) })),
        { ordered: false },
      );
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
  }
}

function toView({ _id, holder, address, term, isOver }: OwnerRow): OwnerView {
  return { id: _id, holder, address, term, isOver };
}
