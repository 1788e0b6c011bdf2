import type { LocalServer } from '@omg/embedded';
import { freshDatabaseName } from '@omg/testkit';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkServer, connectMongo } from '../src/index.ts';
import { startOwnMongo } from './own-mongod.ts';
import { OwnershipChild } from './ownership-child.ts';

const BOUND_MS = 6_000;
const ids = ['p'];

const stack = new AsyncDisposableStack();
let server: LocalServer;
beforeAll(async () => {
  server = await startOwnMongo(stack);
  // as a server that is not ours has it: what is seen here is not its reaper's work
  await using mongo = await connectMongo({ url: server.url, database: 'admin', appName: 'ownership-test' });
  await mongo.db.command({ setParameter: 1, transactionLifetimeLimitSeconds: 60 });
});
afterAll(async () => {
  await stack.disposeAsync();
});

const fresh = () => ({ url: server.url, database: freshDatabaseName('ownership') });

test.concurrent('killed with its transaction open, an owner has a successor that commits within 6 s', async () => {
  const place = fresh();
  await using owner = new OwnershipChild(place, { holder: 'a', ids, mode: 'hold' });
  const { term } = await owner.until('holding');
  await using successor = new OwnershipChild(place, { holder: 'b', ids });
  await successor.until('up');
  const killedMs = owner.signal('SIGKILL');
  const won = await successor.until('won');
  const committed = await successor.until('committed');
  process.stdout.write(
    `killed owner: won after ${won.atMs - killedMs} ms, committed after ${committed.atMs - killedMs} ms\n`,
  );
  expect(committed.term).toBeGreaterThan(term ?? Infinity);
  expect(committed.atMs - killedMs).toBeLessThan(BOUND_MS);
});

test.concurrent.each(['commit', 'hold'] as const)(
  'stopped past its lease and resumed (%s), an owner notices before it acts: nothing of its term is committed any more',
  async (mode) => {
    const place = fresh();
    await using owner = new OwnershipChild(place, { holder: 'a', ids, mode });
    const { term } = await owner.until(mode === 'hold' ? 'holding' : 'committed');
    await using successor = new OwnershipChild(place, { holder: 'b', ids });
    await successor.until('up');
    // two share one id: it stays where it is
    const stoppedMs = owner.signal('SIGSTOP');
    const committed = await successor.until('committed');
    expect(committed.atMs - stoppedMs).toBeLessThan(BOUND_MS);
    await using client = new MongoClient(place.url);
    const commits = client.db(place.database).collection('commits');
    const committedByOwner = await commits.countDocuments({ term });
    const resumedMs = owner.signal('SIGCONT');
    const lost = await owner.until('lost');
    expect(lost.atMs - resumedMs).toBeLessThan(1_000);
    const later = await successor.until('committed', ({ atMs }) => atMs > lost.atMs + 500);
    expect(later.term).toBe(committed.term);
    // counted in the database: the answer to a commit of before the stop may reach the owner after it
    expect(await commits.countDocuments({ term })).toBe(committedByOwner);
    expect(owner.said.filter((said) => said.what === 'won').map((said) => said.term)).toEqual([term]);
  },
);

test.concurrent('told to end, an owner hands over at once', async () => {
  const place = fresh();
  await using owner = new OwnershipChild(place, { holder: 'a', ids });
  await owner.until('committed');
  await using successor = new OwnershipChild(place, { holder: 'b', ids });
  await successor.until('up');
  const toldMs = owner.signal('SIGTERM');
  const committed = await successor.until('committed');
  process.stdout.write(`hand-over: committed ${committed.atMs - toldMs} ms after SIGTERM\n`);
  expect(committed.atMs - toldMs).toBeLessThan(1_500);
  await owner.until('gone');
});

test.concurrent('while MongoDB does not answer, an owner stops by itself, and it goes on in a new term afterwards', async () => {
  await using own = new AsyncDisposableStack();
  const { url, pid } = await startOwnMongo(own);
  const owner = own.use(new OwnershipChild({ url, database: 'ownership' }, { holder: 'a', ids }));
  const { term = Infinity } = await owner.until('committed');
  process.kill(pid, 'SIGSTOP');
  const stoppedMs = Date.now();
  const lost = await owner.until('lost');
  expect(lost.atMs - stoppedMs).toBeGreaterThan(2_500);
  expect(lost.atMs - stoppedMs).toBeLessThan(4_500);
  process.kill(pid, 'SIGCONT');
  const resumedMs = Date.now();
  const committed = await owner.until('committed', ({ atMs }) => atMs > resumedMs);
  expect(committed.term).toBeGreaterThan(term);
  expect(committed.atMs - resumedMs).toBeLessThan(BOUND_MS);
});

test('a server whose transactions live long is warned of, and one that is set as it should be is not', async () => {
  await using mongo = await connectMongo({ ...fresh(), appName: 'ownership-test' });
  expect(await checkServer(mongo)).toEqual([expect.stringContaining('60 s')]);
  await using own = new AsyncDisposableStack();
  const { url } = await startOwnMongo(own);
  await using usual = await connectMongo({ url, database: 'test', appName: 'ownership-test' });
  expect(await checkServer(usual)).toEqual([]);
});
