import {
  AMPLE_LIMITS,
  createFakeAdmin,
  runOmg,
  startStack,
  testMongoUrl,
  testNatsUrl,
  type BookEntry,
  type FakeAdmin,
  type Stack,
} from '@omg/testkit';
import { MongoClient, type Collection } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { crowd, type Departed, type Visit } from './crowd.ts';

const ROUTER = 'router-ohmygpt-1';
const CLIENTS = 200;

/** A document of request_logs, as far as it is looked at. */
interface Log {
  readonly _id: string;
  readonly clientRequestId: string;
  readonly attempts: readonly { readonly providerRequestId: string }[];
}

const resources = new AsyncDisposableStack();
let stack: Stack;
let fake: FakeAdmin;
let logs: Collection<Log>;

beforeAll(async () => {
  stack = resources.use(
    await startStack({
      mongodbUrl: testMongoUrl(),
      natsUrl: testNatsUrl(),
      env: { 'usage-ledger': AMPLE_LIMITS, 'key-broker': { KEY_SLOTS: String(CLIENTS) } },
    }),
  );
  fake = createFakeAdmin(stack.addresses.fakeAdminUrl);
  const mongo = new MongoClient(stack.addresses.ledgerMongoUrl);
  resources.defer(async () => {
    await mongo.close();
  });
  logs = mongo.db(stack.addresses.ledgerDatabase).collection<Log>('request_logs');
});
afterAll(async () => {
  await resources.disposeAsync();
});
beforeEach(async () => {
  await fake.clearBooks();
  await fake.setFault({ answer: { tokens: { output: 1_000 }, paceMs: 100 } });
});

async function come(visits: readonly Visit[]): Promise<readonly Departed[]> {
  return await crowd(stack.addresses.ohmygptUrls[0] ?? '', stack.secrets.clientKey, visits);
}

/** The entries of those clients, by their names, when there is one for each. */
async function logsOf(clients: readonly Visit[]): Promise<ReadonlyMap<string, Log>> {
  const ids = clients.map(({ id }) => id);
  const find = async (): Promise<Log[]> => await logs.find({ clientRequestId: { $in: ids } }).toArray();
  await expect.poll(async () => (await find()).length, { timeout: 20_000, interval: 100 }).toBe(ids.length);
  return new Map((await find()).map((log) => [log.clientRequestId, log]));
}

async function booksByRequestId(): Promise<ReadonlyMap<string, BookEntry>> {
  return new Map((await fake.books()).map((book) => [book.requestId ?? '', book]));
}

async function expectBooksToAgree(): Promise<void> {
  const { code, stdout, stderr } = await runOmg(stack, `reconcile --books ${stack.addresses.fakeAdminUrl}/books`);
  expect([code, stdout, stderr]).toEqual([0, expect.stringMatching(/^books +200 +0 +0 /m), '']);
}

test('200 clients that leave after half a second end the upstream’s work within 100 ms, each in one entry', async () => {
  const visits = Array.from({ length: CLIENTS }, (_, index) => ({
    id: `leaving-${index}`,
    afterMs: 20 * index,
    leaves: { of: 'its coming', afterMs: 500 } as const,
  }));
  const departed = await come(visits);
  expect(new Set(departed.map(({ end }) => end))).toEqual(new Set(['left']));
  const entries = await logsOf(visits);
  expect(entries.size).toBe(CLIENTS);
  const books = await booksByRequestId();
  expect(books.size).toBe(CLIENTS);
  const lateMs = departed.map(({ id, leftAtMs }) => {
    const [attempt, ...others] = entries.get(id)?.attempts ?? [];
    expect(others).toEqual([]);
    const book = books.get(attempt?.providerRequestId ?? 'none');
    expect(book).toMatchObject({ complete: false });
    return (book?.socketClosedAtMs ?? Infinity) - leftAtMs;
  });
  expect(Math.min(...lateMs)).toBeGreaterThan(-5);
  expect(lateMs.filter((ms) => ms > 100)).toEqual([]);
  await expectBooksToAgree();
});

test('a router that is killed with 200 streams running has each attempt in the books after its restart', async () => {
  const visits = Array.from({ length: CLIENTS }, (_, index) => ({ id: `cut-${index}`, afterMs: 5 * index }));
  const coming = come(visits);
  await expect
    .poll(async () => (await fake.books()).filter(({ delivered }) => delivered.output >= 15).length, {
      timeout: 20_000,
    })
    .toBe(CLIENTS);
  await stack.kill(ROUTER, 'SIGKILL');
  expect(new Set((await coming).map(({ end }) => end))).toEqual(new Set(['broken']));
  await stack.restart(ROUTER);
  const entries = await logsOf(visits);
  const attempts = [...entries.values()].flatMap((log) => log.attempts.map((one) => one.providerRequestId));
  expect(new Set(attempts)).toEqual(new Set((await booksByRequestId()).keys()));
  await expectBooksToAgree();
});
