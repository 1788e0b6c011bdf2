import { jetstreamManager } from '@nats-io/jetstream';
import { ensureUsageStream } from '@omg/messaging';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  STREAM_MAX_BYTES,
  expectCharged,
  makeEvent,
  makeWorld,
  fencesOf,
  publish,
  settled,
  sumsOf,
  type World,
} from './ledger.ts';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const events = (count: number, tenants: readonly string[] = ['t1', 't2', 't3']) =>
  Array.from({ length: count }, (_, at) => makeEvent({ tenantId: tenants[at % tenants.length] ?? '' }));

test('account, entries and logs agree to the unit', async () => {
  await world.start();
  const some = events(200);
  publish(world, some);
  await settled(world);
  await expectCharged(world, some);
});

test('a log names the entry that its cost is part of', async () => {
  await world.start();
  publish(world, events(60));
  await settled(world);
  const entries = await world.db.collection<{ _id: string; nanoUsd: bigint }>('entries').find().toArray();
  for (const { _id, nanoUsd } of entries) {
    const logs = await world.db.collection<{ costNanoUsd: bigint }>('request_logs').find({ entryId: _id }).toArray();
    expect(logs.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n)).toBe(nanoUsd);
  }
});

describe('an event that is delivered twice is charged once', () => {
  test('in the same message', async () => {
    await world.start();
    const [event] = events(1);
    if (event === undefined) return;
    publish(world, [event, event, event]);
    await settled(world);
    await expectCharged(world, [event]);
  });

  test('in another message, and after a restart', async () => {
    const first = await world.start();
    const some = events(30);
    publish(world, some);
    await settled(world);
    publish(world, some);
    await settled(world);
    await first[Symbol.asyncDispose]();
    publish(world, some.toReversed());
    await world.start();
    await settled(world);
    await expectCharged(world, some);
  });

  test('when the position was lost and the whole stream is read again', async () => {
    const some = events(100);
    for (const part of [some.slice(0, 40), some.slice(40)]) {
      await using _ = await world.start();
      publish(world, part);
      await settled(world);
    }
    await fencesOf(world).deleteMany({});
    await world.start();
    await settled(world);
    await expectCharged(world, some);
  });

  test('when the stream was made anew and its publishers send again', async () => {
    await world.start();
    const some = events(50);
    publish(world, some);
    await settled(world);
    const manager = await jetstreamManager(world.nats.connection);
    await manager.streams.delete(world.stream);
    // the running ledger makes it again; whoever is first
    await vi.waitFor(async () => {
      await ensureUsageStream(world.nats, { stream: world.stream, maxBytes: STREAM_MAX_BYTES });
    });
    const more = events(20);
    publish(world, [...some, ...more]);
    await settled(world);
    await expectCharged(world, [...some, ...more]);
  });

  test('when the server lost its last messages and gives their numbers to others', async () => {
    const some = events(10, ['t1']);
    {
      await using _ = await world.start();
      publish(world, some);
      await settled(world);
    }
    await fencesOf(world).updateMany({}, { $inc: { 'position.seq': 1_000 } });
    await world.start();
    const more = events(10, ['t1']);
    publish(world, more);
    await settled(world);
    await expectCharged(world, [...some, ...more]);
  });

  test('by two ledgers that read the same partitions at once', async () => {
    await Promise.all([world.start(), world.start()]);
    const all = [];
    for (let round = 0; round < 10; round += 1) {
      const some = events(60);
      all.push(...some);
      publish(world, some);
      await vi.waitFor(() => {
        expect(world.publisher.pending).toBe(0);
      });
    }
    await settled(world);
    await expectCharged(world, all);
  });
});

test('what was refused for want of a price is charged when the stream is read again with one', async () => {
  const [priced, unpriced] = [makeEvent(), makeEvent({ model: 'model-b' })];
  {
    await using _ = await world.start();
    publish(world, [priced, unpriced]);
    await settled(world);
    await expectCharged(world, [priced]);
  }
  await world.db
    .collection<{ _id: string }>('prices')
    .updateOne({ _id: 'ohmygpt/model-b@1' }, [{ $set: { site: 'ohmygpt', model: 'model-b' } }], { upsert: true });
  const price = await world.db.collection('prices').findOne({ model: 'model-a' });
  await world.db
    .collection('prices')
    .updateOne({ model: 'model-b' }, { $set: { price: price?.['price'], validFrom: new Date(0) } });
  await fencesOf(world).deleteMany({});
  await world.start();
  await settled(world);
  await expectCharged(world, [priced, unpriced]);
});

test('what was published while no ledger ran is charged when one starts', async () => {
  const some = events(120);
  publish(world, some);
  await vi.waitFor(() => {
    expect(world.publisher.pending).toBe(0);
  });
  await world.start();
  await settled(world);
  await expectCharged(world, some);
});

test('a ledger that is stopped in the middle of it loses nothing and charges nothing twice', async () => {
  const some = events(1_000);
  publish(world, some);
  for (let round = 0; round < 4; round += 1) {
    await using _ = await world.start();
    await vi.waitFor(
      async () => {
        expect(await world.db.collection('request_logs').countDocuments()).toBeGreaterThan(round * 50);
      },
      { timeout: 8_000 },
    );
  }
  await world.start();
  await settled(world);
  await expectCharged(world, some);
});

test('numbers that a Long or a double cannot hold are not charged as something else', async () => {
  await world.start();
  const tokens = { input: 0n, output: 0n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 0n };
  const huge = makeEvent({ tenantId: 't1', tokens: { ...tokens, output: 2n ** 62n } });
  const large = makeEvent({ tenantId: 't1', tokens: { ...tokens, output: 999_999_999_999n } });
  publish(world, [huge, large]);
  await settled(world);
  await expectCharged(world, [large]);
  expect((await sumsOf(world, 't1')).spent).toBe(17_324_999_999_982_675n);
});
