import { randomUUIDv7 } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import { partitionOf } from '@omg/messaging';
import { BSON, type Timestamp } from 'mongodb';
import { expect, test, vi } from 'vitest';
import { expectCharged, fencesOf, makeEvent, makeWorld, publish, settled, type World } from './ledger.ts';

const COLLECTIONS = [
  'tenants',
  'client_keys',
  'entries',
  'credit_entries',
  'request_logs',
  'dead_letters',
  'event_marks',
  'rollups',
  'rollup_timings',
];

/** Everything that is in the books, but for when a mark was written last. */
async function dump({ db }: World): Promise<Readonly<Record<string, readonly string[]>>> {
  const dumps = COLLECTIONS.map(async (name) => {
    const projection = name === 'event_marks' ? { at: 0 } : {};
    const documents = await db.collection(name).find({}, { projection }).sort({ _id: 1 }).toArray();
    return [name, documents.map((document) => BSON.EJSON.stringify(document, { relaxed: false }))] as const;
  });
  return Object.fromEntries(await Promise.all(dumps));
}

/** Every log is in the rollups. */
async function projected({ db }: World): Promise<void> {
  await vi.waitFor(
    async () => {
      const ends = await db
        .collection('request_logs')
        .aggregate<{ _id: number; last: Timestamp }>([
          { $group: { _id: '$partition', last: { $max: '$chargeOrder' } } },
        ])
        .toArray();
      const state = await db.collection<{ positions: Record<string, Timestamp> }>('rollup_state').findOne();
      expect(ends.length).toBeGreaterThan(0);
      for (const { _id, last } of ends) expect(state?.positions[_id]?.toBigInt()).toBe(last.toBigInt());
    },
    { timeout: 8_000, interval: 20 },
  );
}

test('the whole stream, replayed from its start into the live database, changes nothing', async () => {
  await using world = await makeWorld();
  const some = Array.from({ length: 600 }, (_, at) =>
    makeEvent({
      tenantId: `t${1 + (at % 3)}`,
      epoch: `epoch-${at % 2}`,
      model: at % 100 === 7 ? 'model-z' : 'model-a',
    }),
  );
  const charged = some.filter(({ model }) => model === 'model-a');
  {
    await using _ = await world.start();
    publish(world, some.slice(0, 400));
    await settled(world);
    // with gaps, repetitions, and what nobody can read
    publish(world, [...some.slice(450), ...some.slice(100, 200)]);
    await jetstream(world.nats.connection).publish(
      `${world.stream.toLowerCase()}.${partitionOf('t1')}`,
      Buffer.from('0affffffff', 'hex'),
    );
    await settled(world);
    publish(world, some.slice(400, 450));
    await settled(world);
    await projected(world);
  }
  await expectCharged(world, charged);
  const before = await dump(world);
  expect(before['request_logs']).toHaveLength(charged.length);
  expect(before['dead_letters']).toHaveLength(some.length - charged.length + 1);
  for (let replay = 0; replay < 2; replay += 1) {
    await fencesOf(world).updateMany({}, { $unset: { position: true } });
    await using _ = await world.start();
    await settled(world);
    await projected(world);
    expect(await dump(world)).toEqual(before);
  }
});

test('a request that comes again with another content, or under another number, stays charged as it was', async () => {
  await using world = await makeWorld();
  await world.start();
  const event = makeEvent({ tenantId: 't1' });
  publish(world, [event]);
  await settled(world);
  const other = makeEvent({ tenantId: 't1', requestId: event.requestId, tokens: { ...NOTHING, output: 999_999n } });
  // in one message with a new one, which is charged all the same
  const fresh = makeEvent({ tenantId: 't1' });
  publish(world, [{ ...event, tokens: { ...NOTHING, output: 1n } }, other, fresh]);
  await settled(world);
  await expectCharged(world, [event, fresh]);
  // also from another publisher
  publish(world, [{ ...other, epoch: randomUUIDv7(), number: 1n }]);
  await settled(world);
  await expectCharged(world, [event, fresh]);
  expect(await world.db.collection('dead_letters').countDocuments()).toBe(0);
});

const NOTHING = { input: 0n, output: 0n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 0n };
