import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  createFakeAdmin,
  startFakeProxy,
  startStack,
  testMongoUrl,
  testNatsUrl,
  type FakeAdmin,
  type Stack,
} from '@omg/testkit';
import { MongoClient, type Db } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';

const PROGRAM = join(import.meta.dirname, '../../../docs/guides/examples/lease-a-key.ts');
const SERVICE = 'batch-jobs';
const TOKEN = 'a-token-of-the-batch-jobs';
const MODEL = 'claude-haiku-4-5-20251001';
const SOON = { timeout: 15_000, interval: 100 };

const resources = new AsyncDisposableStack();
let stack: Stack;
let fake: FakeAdmin;
let ledger: Db;
let broker: Db;

beforeAll(async () => {
  stack = resources.use(
    await startStack({
      mongodbUrl: testMongoUrl(),
      natsUrl: testNatsUrl(),
      parts: ['fake-upstream', 'key-broker', 'usage-ledger'],
      brokers: 2,
      tenants: [],
      env: {
        'key-broker': { SERVICE_TOKENS: `${SERVICE}=${TOKEN}`, SERVICE_GRANTS: `${SERVICE}=ohmygpt`, LEASE_TTL: '2s' },
      },
    }),
  );
  fake = createFakeAdmin(stack.addresses.fakeAdminUrl);
  const mongo = resources.use(new MongoClient(stack.addresses.mongodbUrl));
  ledger = mongo.db(stack.addresses.ledgerDatabase);
  broker = mongo.db(stack.addresses.brokerDatabase);
});
afterAll(async () => {
  await resources.disposeAsync();
});
beforeEach(async () => {
  await fake.clearFaults();
  await broker.collection('ohmygpt_keys').updateMany({}, { $set: { status: 'healthy', cooldownUntil: null } });
});

interface Log {
  readonly attempts: readonly unknown[];
}

interface Owner {
  readonly _id: string;
  readonly address: string;
}

/** The program of docs/guides, as a service of its own would run it. */
async function run(
  brokerAddr = stack.addresses.brokerAddrs.join(','),
  token = TOKEN,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [PROGRAM, 'ohmygpt', MODEL, 'What is a lease?'], {
    env: { BROKER_ADDR: brokerAddr, SERVICE_TOKEN: token },
    timeout: 30_000,
  });
  const ended = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await ended;
  return { code: child.exitCode, stdout, stderr };
}

test('the example follows a replica that does not own the pool, and what it used is in the books', async () => {
  await fake.setFault({ answer: { text: 'A right for a time.', tokens: { input: 900, output: 8 } } });
  const owner = await vi.waitUntil(
    async () => await broker.collection<Owner>('owners').findOne({ _id: 'ohmygpt', address: { $type: 'string' } }),
    SOON,
  );
  const [other, ...more] = stack.addresses.brokerAddrs.filter((address) => address !== owner.address);
  expect(more).toEqual([]);
  expect(await run(other)).toEqual({ code: 0, stdout: 'A right for a time.\n', stderr: '' });
  await vi.waitFor(async () => {
    expect(await ledger.collection('request_logs').find({ userId: SERVICE }).toArray()).toMatchObject([
      { inputTokens: 900, outputTokens: 8, isSuccess: true },
    ]);
  }, SOON);
});

test('an answer that takes longer than a lease lives is waited for, and the lease is there when it is reported', async () => {
  await fake.setFault({ answer: { headerDelayMs: 5_000, tokens: { input: 901 } } });
  expect(await run()).toMatchObject({ code: 0, stderr: '' });
  const log = await vi.waitUntil(
    async () => await ledger.collection<Log>('request_logs').findOne({ inputTokens: 901 }),
    SOON,
  );
  // of a lease that is over the broker does not know where it led
  expect(log.attempts).toMatchObject([{ endpoint: 'primary' }]);
});

test('a key that is refused is replaced by another one, and its refusal reaches the pool', async () => {
  await fake.setFault({ fault: 401, times: 1 });
  const { code, stderr } = await run();
  expect(code).toBe(0);
  expect(stderr).toContain('401');
  const [refused = '', served] = (await fake.books()).slice(-2).map(({ key }) => key ?? '');
  expect(served).not.toBe(refused);
  await vi.waitFor(async () => {
    expect(await broker.collection('ohmygpt_keys').countDocuments({ status: 'exhausted' })).toBe(1);
  }, SOON);
});

test('a fault of the request itself is not tried with other keys, and ends the program with what was said', async () => {
  await fake.setFault({ fault: 400 });
  const before = (await fake.books()).length;
  const { code, stdout, stderr } = await run();
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('400');
  expect(await fake.books()).toHaveLength(before + 1);
});

test('a token that nobody has is refused at once', async () => {
  const { code, stderr } = await run(undefined, 'not-the-token-of-anybody');
  expect(code).toBe(1);
  expect(stderr).toContain('UNAUTHENTICATED');
});

test.each(['http', 'socks5'])('the example goes through the %s proxy of its lease', async (type) => {
  await using proxy = await startFakeProxy({
    name: `proxy-${type}`,
    users: [{ username: 'me', password: 'p@ss:word' }],
    announceTo: [stack.addresses.fakeAdminUrl],
  });
  const { host, port } = proxy;
  const proxies = broker.collection<{ _id: string }>('proxies');
  const document = { _id: type, type, host, port, username: 'me', password: 'p@ss:word', isActive: true };
  await proxies.insertOne(document);
  await vi.waitFor(async () => {
    await run();
    expect((await fake.book('last')).proxy).toBe(`proxy-${type}`);
  }, SOON);
  expect((await fake.book('last')).complete).toBe(true);
  await proxies.deleteOne({ _id: type });
});
