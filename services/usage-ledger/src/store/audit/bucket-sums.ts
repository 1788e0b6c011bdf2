import type { ClientSession, Db } from 'mongodb';
import type { BucketSums } from '../../app/audit/audit-ports.ts';
import { toBigInt } from '../rollup-document.ts';
import { groupSorted, mergeSorted, type Keyed } from './merge-sorted.ts';

interface LoggedSum {
  readonly _id: { readonly id: string; readonly budget: string };
  readonly nanoUsd: unknown;
}

interface AccountDocument {
  readonly _id: string;
  /** By bucket. */
  readonly spentBy?: Readonly<Record<string, unknown>>;
}

// how a log says of whose budget it is, where that account is, and which field of the log names it
const KINDS = [
  { kind: 'key', prefix: 'key|', collection: 'client_keys', idField: '$userKeyId' },
  { kind: 'tenant', prefix: 'tenant|', collection: 'tenants', idField: '$tenantId' },
] as const;

/** What accounts spent of their budgets, bucket by bucket. Of buckets that began earlier the logs tell only a part. */
export async function* readBucketSums(db: Db, session: ClientSession, acceptedSince: Date): AsyncIterable<BucketSums> {
  for (const { kind, prefix, collection, idField } of KINDS) {
    const logged = db
      .collection('request_logs')
      .aggregate<LoggedSum>(
        [
          { $match: { createdAt: { $gte: acceptedSince }, 'budgets.0': { $exists: true } } },
          { $project: { id: idField, budgets: 1, costNanoUsd: 1 } },
          { $unwind: '$budgets' },
          { $match: { budgets: { $regex: `^${kind}\\|` } } },
          { $group: { _id: { id: '$id', budget: '$budgets' }, nanoUsd: { $sum: '$costNanoUsd' } } },
          { $sort: { _id: 1 } },
        ],
        { session, allowDiskUse: true },
      );
    const accounts = db
      .collection<AccountDocument>(collection)
      .find({ spentBy: { $exists: true } }, { projection: { spentBy: 1 }, sort: { _id: 1 }, session });
    for await (const { key: id, left, right = [] } of mergeSorted(keyedAccounts(accounts), groupSorted(keyed(logged))))
      yield {
        kind,
        id,
        stored: left,
        logged: new Map(right.map(({ _id, nanoUsd }) => [_id.budget.slice(prefix.length), toBigInt(nanoUsd)])),
      };
  }
}

async function* keyed(rows: AsyncIterable<LoggedSum>): AsyncIterable<Keyed<LoggedSum>> {
  for await (const row of rows) yield [row._id.id, row];
}

async function* keyedAccounts(rows: AsyncIterable<AccountDocument>): AsyncIterable<Keyed<ReadonlyMap<string, bigint>>> {
  for await (const { _id, spentBy = {} } of rows)
    yield [_id, new Map(Object.entries(spentBy).map(([bucket, nanoUsd]) => [bucket, toBigInt(nanoUsd)]))];
}
