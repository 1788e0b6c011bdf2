import { freshDatabaseName, testMongoUrl } from '@omg/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectMongo, type Mongo } from '../src/index.ts';

interface Account {
  readonly _id: string;
  readonly nanoUsd: bigint;
}

const stack = new AsyncDisposableStack();
const database = freshDatabaseName('mongo');
let mongo: Mongo;
let other: Mongo;
beforeAll(async () => {
  const options = { url: testMongoUrl(), database, appName: 'mongo-test' };
  mongo = stack.use(await connectMongo(options));
  stack.defer(async () => {
    await mongo.db.dropDatabase();
  });
  other = stack.use(await connectMongo(options));
  await mongo.db.createCollection('accounts');
});
afterAll(async () => {
  await stack.disposeAsync();
});

const accounts = ({ db }: Mongo) => db.collection<Account>('accounts');

describe('a transaction', () => {
  test('is seen by others as a whole, once it has returned', async () => {
    await mongo.transaction(async (session) => {
      await accounts(mongo).insertOne({ _id: 'a', nanoUsd: 1n }, { session });
      expect(await accounts(other).findOne({ _id: 'a' })).toBeNull();
      await accounts(mongo).insertOne({ _id: 'b', nanoUsd: 2n }, { session });
    });
    const seen = await accounts(other)
      .find({ _id: { $in: ['a', 'b'] } }, { readConcern: { level: 'majority' }, sort: { _id: 1 } })
      .toArray();
    expect(seen.map(({ _id }) => _id)).toEqual(['a', 'b']);
  });

  test('that throws leaves nothing behind, and the error is the one that was thrown', async () => {
    const error = new Error('not like this');
    const failing = mongo.transaction(async (session) => {
      await accounts(mongo).insertOne({ _id: 'c', nanoUsd: 1n }, { session });
      throw error;
    });
    await expect(failing).rejects.toBe(error);
    expect(await accounts(other).findOne({ _id: 'c' })).toBeNull();
  });

  test('that another one overtook runs again, so that no change is lost', async () => {
    await accounts(mongo).insertOne({ _id: 'd', nanoUsd: 0n });
    const add = async (by: Mongo): Promise<void> => {
      await by.transaction(async (session) => {
        const before = await accounts(by).findOne({ _id: 'd' }, { session });
        await accounts(by).updateOne({ _id: 'd' }, { $set: { nanoUsd: (before?.nanoUsd ?? 0n) + 1n } }, { session });
      });
    };
    await Promise.all(Array.from({ length: 20 }, async (_, at) => await add(at % 2 === 0 ? mongo : other)));
    expect(await accounts(mongo).findOne({ _id: 'd' })).toMatchObject({ nanoUsd: 20n });
  });

  test('returns what the work returned', async () => {
    expect(await mongo.transaction(async () => await Promise.resolve(42))).toBe(42);
  });
});

describe('money', () => {
  test.each([0n, 1n, 46_657_475n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)])(
    'of %d comes back to the unit, as a Long',
    async (nanoUsd) => {
      const _id = `money-${nanoUsd}`;
      await accounts(mongo).insertOne({ _id, nanoUsd });
      expect(await accounts(mongo).findOne({ _id })).toEqual({ _id, nanoUsd });
      const [typed] = await accounts(mongo)
        .aggregate<{ type: string }>([{ $match: { _id } }, { $project: { type: { $type: '$nanoUsd' } } }])
        .toArray();
      expect(typed?.type).toBe('long');
    },
  );

  test('is added by the server exactly, beyond what a double can hold', async () => {
    await accounts(mongo).insertOne({ _id: 'sum', nanoUsd: 2n ** 53n });
    await accounts(mongo).updateOne({ _id: 'sum' }, { $inc: { nanoUsd: 1n } });
    await accounts(mongo).updateOne({ _id: 'sum' }, { $inc: { nanoUsd: 2n } });
    expect(await accounts(mongo).findOne({ _id: 'sum' })).toMatchObject({ nanoUsd: 2n ** 53n + 3n });
  });
});
