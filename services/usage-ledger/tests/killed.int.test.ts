import { expect, test, vi } from 'vitest';
import { startLedgerProcess } from './ledger-process.ts';
import { expectCharged, makeEvent, makeWorld, publish, settled, type World } from './ledger.ts';

// a process starts and a lease ends, on a machine that does other things as well
const TAKEOVER_MS = 30_000;

const events = (count: number) => Array.from({ length: count }, (_, at) => makeEvent({ tenantId: `t${1 + (at % 3)}` }));

async function chargedMoreThan({ db }: World, count: number): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(await db.collection('request_logs').countDocuments()).toBeGreaterThan(count);
    },
    { timeout: TAKEOVER_MS, interval: 5 },
  );
}

test('a ledger that is killed in the middle of it loses nothing and charges nothing twice', async () => {
  await using world = await makeWorld();
  const some = events(2_000);
  for (let round = 0; round < 2; round += 1) {
    await using ledger = await startLedgerProcess(world);
    publish(world, some.slice(round * 1_000, round * 1_000 + 1_000));
    await chargedMoreThan(world, round * 1_000);
    await ledger.kill();
  }
  await world.start();
  await settled(world, TAKEOVER_MS);
  await expectCharged(world, some);
}, 180_000);

test('two ledgers under load, one of which is killed again and again, charge each request once', async () => {
  await using world = await makeWorld();
  await using _ = await startLedgerProcess(world);
  const all = [];
  for (let round = 0; round < 3; round += 1) {
    await using killed = await startLedgerProcess(world);
    // it has its share of the partitions
    await vi.waitFor(
      async () => {
        const holders = await world.db.collection('owners').distinct('holder', { holder: { $ne: '' } });
        expect(holders).toHaveLength(2);
      },
      { timeout: TAKEOVER_MS, interval: 20 },
    );
    const before = await world.db.collection('request_logs').countDocuments();
    const some = events(1_500);
    all.push(...some);
    // each event also again, so that what was charged before the kill comes once more behind it
    publish(world, [...some, ...some.slice(0, 500).toReversed()]);
    await chargedMoreThan(world, before);
    await killed.kill();
  }
  await settled(world, 2 * TAKEOVER_MS);
  await expectCharged(world, all);
}, 180_000);

test('a ledger that is paused past its lease commits nothing when it goes on, and its successor charges all', async () => {
  await using world = await makeWorld();
  await using paused = await startLedgerProcess(world);
  const before = events(300);
  publish(world, before);
  await settled(world, TAKEOVER_MS);
  const termsOf = async (): Promise<readonly number[]> => {
    const fences = await world.db.collection<{ _id: string; term: number }>('fences').find().sort({ _id: 1 }).toArray();
    return fences.map(({ term }) => term);
  };
  const firstTerms = await termsOf();
  // in the middle of charging
  const during = events(3_000);
  publish(world, during);
  await chargedMoreThan(world, before.length);
  paused.pause();
  const successor = await world.start();
  await settled(world, 2 * TAKEOVER_MS);
  await expectCharged(world, [...before, ...during]);
  const terms = await termsOf();
  expect(terms.every((term, at) => term > (firstTerms[at] ?? 0))).toBe(true);
  paused.resume();
  // it is a member again when it has found out that it lost its partitions
  await vi.waitFor(
    async () => {
      expect(await world.db.collection('owners_members').countDocuments({ until: { $gt: new Date() } })).toBe(2);
    },
    { timeout: TAKEOVER_MS, interval: 20 },
  );
  const after = events(300);
  publish(world, after);
  await settled(world, TAKEOVER_MS);
  await expectCharged(world, [...before, ...during, ...after]);
  await successor[Symbol.asyncDispose]();
}, 180_000);
