import type { Db } from 'mongodb';
import type { TenantDocument } from '../../src/store/account-documents.ts';
import { accountId } from './synthetic-usage.ts';

const CHUNK = 10_000;

/** Accounts as their administration makes them. */
export async function makeAccounts(db: Db, accounts: number, creditsNanoUsd = 1_000_000_000_000n): Promise<void> {
  const tenants = db.collection<TenantDocument>('tenants');
  for (let first = 0; first < accounts; first += CHUNK) {
    const some = Array.from({ length: Math.min(CHUNK, accounts - first) }, (_, offset): TenantDocument => {
      const id = accountId(first + offset);
      return {
        _id: id,
        name: `Account ${id}`,
        type: 'organization',
        status: 'active',
        version: 1n,
        creditsNanoUsd,
        refCreditsNanoUsd: 0n,
        spentNanoUsd: 0n,
        createdAt: new Date(),
      };
    });
    await tenants.insertMany(some, { writeConcern: { w: 1, journal: false } });
  }
}

/** What is wrong with the books; empty where each event is charged once and all sums agree with the expected one. */
export async function faultsOf(
  db: Db,
  expected: { readonly events: number; readonly costNanoUsd: bigint },
): Promise<readonly string[]> {
  const [logs, deadLetters, tenants, costs, entries] = await Promise.all([
    db.collection('request_logs').countDocuments(),
    db.collection('dead_letters').countDocuments(),
    sumOf(db, 'tenants', 'spentNanoUsd'),
    sumOf(db, 'request_logs', 'costNanoUsd'),
    sumOf(db, 'entries', 'nanoUsd'),
  ]);
  const { events, costNanoUsd } = expected;
  const facts: readonly (readonly [string, number | bigint, number | bigint])[] = [
    ['request logs', logs, events],
    ['dead letters', deadLetters, 0],
    ['nano-USD spent by accounts', tenants, costNanoUsd],
    ['nano-USD of request logs', costs, costNanoUsd],
    ['nano-USD of entries', entries, costNanoUsd],
  ];
  return facts
    .filter(([, found, wanted]) => found !== wanted)
    .map(([name, found, wanted]) => `${found} ${name} instead of ${wanted}`);
}

async function sumOf(db: Db, collection: string, field: string): Promise<bigint> {
  const [row] = await db
    .collection(collection)
    .aggregate<{ sum: bigint | number }>([{ $group: { _id: null, sum: { $sum: `$${field}` } } }])
    .toArray();
  return BigInt(row?.sum ?? 0);
}
