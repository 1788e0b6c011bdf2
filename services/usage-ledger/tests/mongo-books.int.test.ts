import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectMongo, createOwnership, runOwnedLoop, type Mongo, type Owned } from '@omg/mongo';
import { freshDatabaseName, testMongoUrl } from '@omg/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { BookedBatch, Position } from '../src/app/ports.ts';
import { partitionId } from '../src/domain/partition-id.ts';
import { MongoBooks, type OwnedBooks } from '../src/store/mongo-books.ts';

const stack = new AsyncDisposableStack();
let mongo: Mongo;
let books: MongoBooks;
let partition = 0;
const taken: Taken[] = [];
beforeAll(async () => {
  mongo = stack.use(await connectMongo({ url: testMongoUrl(), database: freshDatabaseName('books'), appName: 'test' }));
  stack.defer(async () => {
    await mongo.db.dropDatabase();
  });
  books = new MongoBooks(mongo);
  await books.createIndexes();
  await mongo.db.collection<{ _id: string; spentNanoUsd: bigint }>('tenants').insertOne({ _id: 't', spentNanoUsd: 0n });
});
afterAll(async () => {
  await Promise.all(
    taken.map(async ({ leave }) => {
      await leave();
    }),
  );
  await stack.disposeAsync();
});
beforeEach(() => {
  partition += 1;
});

const at = (seq: number): Position => ({ incarnation: 'i', seq });

interface Taken {
  readonly owned: Owned;
  readonly own: OwnedBooks;
  readonly leave: () => Promise<void>;
}

/** Owns the partition of the test until it is left. */
async function take(): Promise<Taken> {
  const won = Promise.withResolvers<Owned>();
  const ownership = await createOwnership({
    mongo,
    ids: [partitionId(partition)],
    owners: `owners_${partition}`,
    holder: randomUUID(),
    address: '127.0.0.1:1',
    onEvent: () => undefined,
    async work(owned) {
      won.resolve(owned);
      await runOwnedLoop(owned, async (idleMs) => {
        await sleep(Math.min(idleMs, 20));
      });
    },
  });
  const owned = await won.promise;
  const one = {
    owned,
    own: books.forOwner(owned),
    leave: async () => {
      await ownership[Symbol.asyncDispose]();
    },
  };
  taken.push(one);
  return one;
}

/** A batch that leaves a trace in every collection. */
function batch(to: number, name: string): BookedBatch {
  return {
    partition,
    to: at(to),
    charged: [],
    entries: [{ id: `${partition}/${name}`, tenantId: 't', nanoUsd: 1n, requests: 0, at: new Date() }],
    budgets: [],
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

test('a batch is in the books with its position, which the next owner begins from', async () => {
  const first = await take();
  expect(first.own.position()).toBeUndefined();
  await first.own.book(batch(5, 'first'));
  expect(first.own.position()).toEqual(at(5));
  expect(await writtenBy('first')).toBe(2);
  expect(await books.marks(partition, ['epoch'])).toEqual(
    new Map([['epoch', { upTo: 5n, ahead: [{ first: 100n, last: 200n }] }]]),
  );
  await first.leave();
  expect((await take()).own.position()).toEqual(at(5));
});

test('an owner that was followed by another writes nothing', async () => {
  const first = await take();
  await first.own.book(batch(5, 'before'));
  await first.leave();
  const second = await take();
  await expect(first.own.book(batch(9, 'late'))).rejects.toMatchObject({ code: 'not_owner' });
  expect(await writtenBy('late')).toBe(0);
  await second.own.book(batch(6, 'after'));
  expect(await writtenBy('after')).toBe(2);
});

test('a batch that charges an account which is gone changes nothing', async () => {
  const { own, leave } = await take();
  const gone = batch(3, 'gone');
  const entries = gone.entries.map((entry) => ({ ...entry, tenantId: 'gone' }));
  await expect(own.book({ ...gone, entries })).rejects.toMatchObject({ code: 'failed_precondition' });
  expect(own.position()).toBeUndefined();
  expect(await writtenBy('gone')).toBe(0);
  await leave();
  expect((await take()).own.position()).toBeUndefined();
});
