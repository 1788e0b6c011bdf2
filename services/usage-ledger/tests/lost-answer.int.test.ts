import { testMongoUrl } from '@omg/testkit';
import { expect, test } from 'vitest';
import { startLedgerProcess } from './ledger-process.ts';
import { expectCharged, makeEvent, makeWorld, publish, settled } from './ledger.ts';
import { startLossyWay } from './swallow-commit.ts';

// a process starts and a lease ends, on a machine that does other things as well
const TAKEOVER_MS = 30_000;

const events = (count: number) => Array.from({ length: count }, (_, at) => makeEvent({ tenantId: `t${1 + (at % 3)}` }));

test('a ledger that is killed between a commit and its answer has charged: its successor charges nothing twice', async () => {
  await using world = await makeWorld();
  await using way = await startLossyWay(testMongoUrl());
  await using ledger = await startLedgerProcess(world, { MONGODB_URL: way.url });
  const before = events(30);
  publish(world, before);
  await settled(world, TAKEOVER_MS);
  const lost = way.swallowCommits();
  const during = events(300);
  publish(world, during);
  await lost;
  await ledger.kill();
  // what the ledger never heard of is in the books
  const committed = await world.db.collection('request_logs').countDocuments();
  expect(committed).toBeGreaterThan(before.length);
  await world.start();
  await settled(world, TAKEOVER_MS);
  await expectCharged(world, [...before, ...during]);
}, 180_000);

test('a ledger that never hears of its commits is followed by another, which charges nothing twice', async () => {
  await using world = await makeWorld();
  await using way = await startLossyWay(testMongoUrl());
  await using _ = await startLedgerProcess(world, { MONGODB_URL: way.url });
  const before = events(30);
  publish(world, before);
  await settled(world, TAKEOVER_MS);
  const lost = way.swallowCommits();
  const during = events(300);
  publish(world, during);
  await lost;
  await world.start();
  // it renews for 15 s, and its lease ends 5 s later
  await settled(world, 2 * TAKEOVER_MS);
  await expectCharged(world, [...before, ...during]);
}, 180_000);
