import { connectToNats } from '@omg/embedded';
import { MongoClient } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { freshDatabaseName, testMongoUrl, testNatsUrl } from '../src/infra/test-servers.ts';

describe('the servers that tests share', () => {
  it('runs transactions', async () => {
    await using client = new MongoClient(testMongoUrl());
    const collection = client.db(freshDatabaseName('infra')).collection('things');
    await client.withSession(async (session) => {
      await session.withTransaction(async () => await collection.insertOne({ kept: true }, { session }));
    });
    await client.withSession(async (session) => {
      session.startTransaction();
      await collection.insertOne({ kept: false }, { session });
      await session.abortTransaction();
    });
    expect(await collection.find({}, { projection: { _id: 0 } }).toArray()).toEqual([{ kept: true }]);
    await client.db(collection.dbName).dropDatabase();
  });

  it('includes JetStream', async () => {
    // refuses a server without it
    await using nats = await connectToNats(testNatsUrl(), AbortSignal.timeout(5_000));
    expect(nats.description).toMatch(/^nats-server \d/);
  });
});
