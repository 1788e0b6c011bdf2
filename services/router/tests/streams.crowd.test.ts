import {
  AMPLE_LIMITS,
  createFakeAdmin,
  runOmg,
  startStack,
  testMongoUrl,
  testNatsUrl,
  type FakeAdmin,
  type Stack,
} from '@omg/testkit';
import { pickFreePort } from '@omg/embedded';
import { MongoClient, type Collection } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { crowd, metricOf, neededMiB, socketsOf, type Departed } from './crowd.ts';
import { openInspector, type Inspector } from './inspector.ts';

const ROUTER = 'router-ohmygpt-1';
const CROWD = 2_000;
const LEAVING = 400;

/** A document of request_logs, as far as it is looked at. */
interface Log {
  readonly _id: string;
  readonly clientRequestId: string;
  readonly statusCode: number;
  readonly isSuccess: boolean;
  readonly abortReason: string;
  readonly attempts: readonly { readonly providerRequestId: string }[];
}

const resources = new AsyncDisposableStack();
let stack: Stack;
let fake: FakeAdmin;
let inspector: Inspector;
let logs: Collection<Log>;

beforeAll(async () => {
  const inspectorPort = await pickFreePort('127.0.0.1');
  stack = resources.use(
    await startStack({
      mongodbUrl: testMongoUrl(),
      natsUrl: testNatsUrl(),
      env: {
        'usage-ledger': AMPLE_LIMITS,
        'key-broker': { KEY_SLOTS: String(CROWD) },
        'router-ohmygpt': { NODE_OPTIONS: `--inspect-port=127.0.0.1:${inspectorPort}` },
      },
    }),
  );
  fake = createFakeAdmin(stack.addresses.fakeAdminUrl);
  const router = { pid: stack.pid(ROUTER), port: inspectorPort };
  inspector = resources.use(await openInspector(router, AbortSignal.timeout(300_000)));
  const mongo = new MongoClient(stack.addresses.ledgerMongoUrl);
  resources.defer(async () => {
    await mongo.close();
  });
  logs = mongo.db(stack.addresses.ledgerDatabase).collection<Log>('request_logs');
});
afterAll(async () => {
  await resources.disposeAsync();
});

/** Every fifth leaves, each at its own moment. */
async function visit(name: string): Promise<readonly Departed[]> {
  return await crowd(
    stack.addresses.ohmygptUrls[0] ?? '',
    stack.secrets.clientKey,
    Array.from({ length: CROWD }, (_, index) => ({
      id: `${name}-${index}`,
      afterMs: 2 * index,
      ...(index % 5 === 0 ? { leaves: { of: 'the last', afterMs: index } } : {}),
    })),
  );
}

async function charged(count: number): Promise<void> {
  await expect.poll(async () => await logs.countDocuments(), { timeout: 20_000, interval: 100 }).toBe(count);
}

async function slotsInUse(): Promise<number> {
  const { stdout, stderr, code } = await runOmg(stack, 'upstream-keys list --provider ohmygpt --json');
  expect([code, stderr]).toEqual([0, '']);
  const keys = stdout.split('\n').filter((line) => line !== '');
  expect(keys).toHaveLength(3);
  return keys.reduce((sum, line) => sum + Number(/"slotsInUse":(\d+)/.exec(line)?.[1]), 0);
}

test('2,000 streams at once, of which 400 are left, are in the books as they were, and leave nothing behind', async () => {
  await fake.setFault({ answer: { tokens: { output: 14 }, paceMs: 1_000 } });
  const sockets = await socketsOf(stack, ROUTER);
  const memory: number[] = [];
  for (const name of ['first', 'second']) {
    const departed = await visit(name);
    expect(Map.groupBy(departed, ({ end }) => end).get('left')).toHaveLength(LEAVING);
    expect(departed.filter(({ end }) => end === 'whole')).toHaveLength(CROWD - LEAVING);
    await charged(CROWD * (memory.length + 1));
    memory.push(await neededMiB(inspector));
  }
  const { maxOpenStreams, requests } = await fake.stats();
  expect([requests, maxOpenStreams]).toEqual([2 * CROWD, CROWD]);

  // one entry each, as its client saw it
  const all = await logs.find().toArray();
  expect(new Set(all.map(({ clientRequestId }) => clientRequestId)).size).toBe(2 * CROWD);
  expect(all.filter(({ isSuccess, statusCode }) => isSuccess && statusCode === 200)).toHaveLength(
    2 * (CROWD - LEAVING),
  );
  expect(all.filter(({ statusCode, abortReason }) => statusCode === 499 && abortReason === 'client_gone')).toHaveLength(
    2 * LEAVING,
  );
  const { code, stdout, stderr } = await runOmg(stack, `reconcile --books ${stack.addresses.fakeAdminUrl}/books`);
  expect([code, stdout, stderr]).toEqual([0, expect.stringMatching(/^books +4,000 +0 +0 /m), '']);

  // gauge, slots and sockets
  expect(await metricOf(stack, ROUTER, 'omg_router_open_streams')).toBe(0);
  expect((await fake.stats()).open).toBe(0);
  expect(await slotsInUse()).toBe(0);
  // what it still has open to the upstream waits for the next request
  await expect
    .poll(async () => (await socketsOf(stack, ROUTER)) - (await fake.stats()).connections.open, { timeout: 5_000 })
    .toBeLessThanOrEqual(sockets);
  // one more was seen, and ten are five kilobytes for each stream
  console.info(`needed after each crowd: ${memory.map(Math.round).join(' and ')} MiB`);
  expect((memory[1] ?? 0) - (memory[0] ?? 0)).toBeLessThan(10);
});
