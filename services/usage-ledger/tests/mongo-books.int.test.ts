import { connectMongo, type Mongo } from '@omg/mongo';
import { freshDatabaseName, testMongoUrl } from '@omg/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { BookedBatch, Position } from '../src/app/ports.ts';
import { MongoAccounts } from '../src/store/mongo-accounts.ts';
import { MongoBooks } from '../src/store/mongo-books.ts';

const stack = new AsyncDisposableStack();
let mongo: Mongo;
let books: MongoBooks;
let partition = 0;
beforeAll(async () => {
  mongo = stack.use(await connectMongo({ url: testMongoUrl(), database: freshDatabaseName('books'), appName: 'test' }));
  stack.defer(async () => {
    await mongo.db.dropDatabase();
  });
  books = new MongoBooks(mongo);
  await books.createIndexes();
  await new MongoAccounts(mongo).upsertTenant({ id: 't', name: 'T', type: 'personal', creditsNanoUsd: 0n });
});
afterAll(async () => {
  await stack.disposeAsync();
});
beforeEach(() => {
  partition += 1;
});

const at = (seq: number): Position => ({ incarnation: 'i', seq });

/** A batch that leaves a trace in every collection. */
function batch(from: Position | undefined, to: number, name: string): BookedBatch {
  return {
    partition,
    from,
    to: at(to),
    charged: [],
    entries: [{ id: `${partition}/${name}`, tenantId: 't', nanoUsd: 1n, requests: 0, at: new Date() }],
    deadLetters: [{ id: `${partition}/${name}`, reason: 'r', payload: Buffer.from(name) }],
    marks: new Map([['epoch', { upTo: BigInt(to), ahead: [{ first: 100n, last: 200n }] }]]),
  };
}

const writtenBy = async (name: string): Promise<number> => {
  const _id = `${partition}/${name}`;
  const counts = await Promise.all(
    ['entries', 'dead_letters'].map(
      async (collection) => await mongo.db.collection<{ _id: string }>(collection).countDocuments({ _id }),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
};

test('a batch moves the position from where it began, and no other batch begins there', async () => {
  expect(await books.position(partition)).toBeUndefined();
  await books.book(batch(undefined, 5, 'first'));
  expect(await books.position(partition)).toEqual(at(5));
  for (const from of [undefined, at(4), { incarnation: 'other', seq: 5 }]) {
    await expect(books.book(batch(from, 9, 'stale'))).rejects.toMatchObject({ code: 'not_owner' });
  }
  expect(await writtenBy('stale')).toBe(0);
  expect(await books.position(partition)).toEqual(at(5));
  expect(await books.marks(partition, ['epoch'])).toEqual(
    new Map([['epoch', { upTo: 5n, ahead: [{ first: 100n, last: 200n }] }]]),
  );
});

test('of many that begin at the same position, one is in the books as a whole and the others not at all', async () => {
  await books.position(partition);
  const names = Array.from({ length: 8 }, (_, index) => `racer-${index}`);
  const outcomes = await Promise.allSettled(
    names.map(async (name, index) => await books.book(batch(undefined, index + 1, name))),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'not_owner' });
    expect(await writtenBy(names[index] ?? '')).toBe(outcome.status === 'fulfilled' ? 2 : 0);
  }
});

test('a batch that charges an account which is gone changes nothing', async () => {
  await books.position(partition);
  const gone = batch(undefined, 3, 'gone');
  const entries = gone.entries.map((entry) => ({ ...entry, tenantId: 'gone' }));
  await expect(books.book({ ...gone, entries })).rejects.toMatchObject({ code: 'failed_precondition' });
  expect(await books.position(partition)).toBeUndefined();
  expect(await writtenBy('gone')).toBe(0);
});

test('a partition that many begin to read at once has one position', async () => {
  const positions = await Promise.all(Array.from({ length: 10 }, async () => await books.position(partition)));
  expect(new Set(positions)).toEqual(new Set([undefined]));
});
