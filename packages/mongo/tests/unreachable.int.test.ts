import type { LocalServer } from '@omg/embedded';
import { OmgError } from '@omg/errors';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { asUnavailable, connectMongo, type Mongo, type MongoOptions } from '../src/index.ts';
import { startOwnMongo, startStandaloneMongo } from './own-mongod.ts';

const stack = new AsyncDisposableStack();
let server: LocalServer;
let standalone: string;
beforeAll(async () => {
  [server, standalone] = await Promise.all([startOwnMongo(stack), startStandaloneMongo(stack)]);
});
afterAll(async () => {
  await stack.disposeAsync();
});

const connectTo = async (url: string, options: Partial<MongoOptions> = {}): Promise<Mongo> =>
  stack.use(await connectMongo({ url, database: 'test', appName: 'mongo-test', connectTimeoutMs: 300, ...options }));

async function errorOf(failing: Promise<unknown>): Promise<OmgError> {
  const error: unknown = await failing.catch((caught: unknown) => caught);
  if (error instanceof OmgError) return error;
  throw new Error('not an OmgError', { cause: error });
}

describe('connecting', () => {
  test('to a mongod that is no replica set says what it has to be', async () => {
    const error = await errorOf(connectTo(`mongodb://${standalone}`, { connectTimeoutMs: 5_000 }));
    expect(error).toMatchObject({ code: 'failed_precondition' });
    expect(error.message).toContain('replica set');
  });

  test.each([
    ['mongodb://127.0.0.1:1', '127.0.0.1:1'],
    ['mongodb://user:very-secret@127.0.0.1:1/admin?appName=x', '127.0.0.1:1'],
    ['mongodb://user:very-secret@127.0.0.1:1,127.0.0.1:2/?replicaSet=rs0', '127.0.0.1:1,127.0.0.1:2'],
  ])('to %s, where nobody is, names the host and no password', async (url, host) => {
    const error = await errorOf(connectTo(url));
    expect(error).toMatchObject({ code: 'unavailable', message: `MongoDB cannot be reached at ${host}` });
    expect(`${error.message} ${String(error.cause)}`).not.toContain('secret');
  });

  test.each([
    'mongodb://user:very-secret@',
    'mongodb://user:very@very-secret@127.0.0.1:1',
    'mongodb://user:very-secret%@h',
    'mongodb://user:very-secret@h/?bogus=1',
    'mongodb://user:very-secret@h:99999999',
  ])('to %s, which is no address, says so and shows no password', async (url) => {
    const error = await errorOf(connectTo(url));
    expect(error.code).toBe('invalid_argument');
    expect(`${error.message} ${String(error.cause)}`).not.toContain('secret');
  });

  test('waits for a server that comes a little later', async () => {
    process.kill(server.pid, 'SIGSTOP');
    setTimeout(() => process.kill(server.pid, 'SIGCONT'), 500);
    await (await connectTo(server.url, { connectTimeoutMs: 10_000 })).ping(1_000);
  });
});

describe('a server that does not answer any more', () => {
  test('fails a ping in its time, each call in the time of calls, and a transaction in its own', async () => {
    const mongo = await connectTo(server.url, {
      connectTimeoutMs: 5_000,
      callTimeoutMs: 400,
      transactionTimeoutMs: 600,
    });
    const things = mongo.db.collection('things');
    await things.insertOne({ n: 1 });
    process.kill(server.pid, 'SIGSTOP');
    await vi.waitFor(async () => {
      await expect(mongo.ping(50)).rejects.toThrow(/./);
    });
    const startedMs = performance.now();
    const elapsedMs = async (failing: Promise<unknown>): Promise<number> => {
      await expect(failing).rejects.toThrow(/./);
      return performance.now() - startedMs;
    };
    const [ping, call, transaction] = await Promise.all([
      elapsedMs(mongo.ping(200)),
      elapsedMs(asUnavailable(async () => await things.findOne({}))),
      elapsedMs(mongo.transaction(async (session) => await things.insertOne({ n: 2 }, { session }))),
    ]);
    process.kill(server.pid, 'SIGCONT');
    expect(ping).toBeLessThan(400);
    expect(call).toBeLessThan(2_000);
    expect(transaction).toBeLessThan(4_000);
    // and is used again when it answers
    await mongo.ping(2_000);
    expect(await things.countDocuments()).toBe(1);
  });

  test('is unavailable, and other faults stay what they are', async () => {
    const mongo = await connectTo(server.url, { connectTimeoutMs: 5_000, callTimeoutMs: 300 });
    const things = mongo.db.collection<{ _id: number }>('things');
    await things.insertOne({ _id: 1 });
    await expect(asUnavailable(async () => await things.insertOne({ _id: 1 }))).rejects.toMatchObject({ code: 11_000 });
    const inner = new OmgError('not_found', 'nothing');
    await expect(asUnavailable(async () => await Promise.reject(inner))).rejects.toBe(inner);
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    const error = await errorOf(asUnavailable(async () => await things.findOne({})));
    expect(error).toMatchObject({ code: 'unavailable', message: 'MongoDB does not answer' });
  });
});
