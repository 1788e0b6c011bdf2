import { jetstream } from '@nats-io/jetstream';
import { partitionOf } from '@omg/messaging';
import { eventsV1 } from '@omg/proto-gen';
import type { Binary } from 'mongodb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { expectCharged, makeEvent, makeWorld, publish, settled, type World } from './ledger.ts';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
  await world.start();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

interface DeadLetter {
  readonly _id: string;
  readonly reason: string;
  readonly payload: Binary;
  readonly partition: number;
}

const deadLetters = async (): Promise<readonly DeadLetter[]> =>
  await world.db
    .collection<DeadLetter>('dead_letters')
    .find({}, { sort: { reason: 1 } })
    .toArray();

async function publishBytes(tenantId: string, bytes: Uint8Array): Promise<void> {
  await jetstream(world.nats.connection).publish(`${world.stream.toLowerCase()}.${partitionOf(tenantId)}`, bytes);
}

test('a message that is no batch is kept byte for byte, and what follows is charged', async () => {
  const garbage = Buffer.from('0affffffff', 'hex');
  await publishBytes('t1', garbage);
  const event = makeEvent();
  publish(world, [event]);
  await settled(world);
  await expectCharged(world, [event]);
  const [letter, ...others] = await deadLetters();
  expect(others).toEqual([]);
  expect(letter).toMatchObject({ reason: 'the message is no usage batch', partition: partitionOf('t1') });
  expect(Buffer.from(letter?.payload.buffer ?? [])).toEqual(garbage);
});

test.each([
  ['no request id', { requestId: '' }, 'the event has no request id'],
  ['no account', { tenantId: '' }, 'the event has no account'],
  ['no number', { number: 0n }, 'the event has no number'],
  ['no time', { acceptedAt: undefined }, 'the event has no time'],
  ['no dialect', { dialect: eventsV1.Dialect.UNSPECIFIED }, 'the event has no dialect that is known'],
  [
    'no source of its numbers',
    { usageSource: eventsV1.UsageSource.UNSPECIFIED },
    'the event has no source of its numbers that is known',
  ],
  [
    'negative tokens',
    { tokens: { input: -1n, output: 0n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 0n } },
    'the event has a number of tokens that cannot be',
  ],
  ['a model without a price', { model: 'model-z' }, 'there is no price for model-z on ohmygpt'],
  ['a site without prices', { site: 'elsewhere' }, 'there is no price for model-a on elsewhere'],
  [
    'an age beyond that of the logs which guard it',
    { acceptedAt: new Date(Date.now() - 35 * 86_400_000 - 60_000) },
    'it was accepted more than 35 days ago',
  ],
  ['an account that does not exist', { tenantId: 'nobody' }, 'there is no account nobody'],
])('an event with %s is kept, and costs its neighbours nothing', async (_, change, reason) => {
  const bad = { ...makeEvent(), ...change };
  const good = [makeEvent(), makeEvent()];
  // all three in one message
  const batch = eventsV1.UsageBatch.encode({ events: [good[0], bad, good[1]].filter((event) => event !== undefined) });
  await publishBytes('t1', batch.finish());
  await settled(world);
  await expectCharged(world, good);
  const [letter, ...others] = await deadLetters();
  expect(others).toEqual([]);
  expect(letter?.reason).toBe(reason);
  expect(eventsV1.UsageEvent.decode(new Uint8Array(letter?.payload.buffer ?? []))).toEqual(bad);
});

test('the same refused event again is one dead letter', async () => {
  const bad = makeEvent({ model: 'model-z' });
  publish(world, [bad]);
  await settled(world);
  publish(world, [bad, bad]);
  await settled(world);
  expect(await deadLetters()).toHaveLength(1);
});

test('what is a dead letter is seen to: the numbers of its publisher have no gap', async () => {
  const epoch = 'epoch-of-dead-letters';
  const list = [1n, 2n, 3n].map((number) => makeEvent({ epoch, number }));
  publish(
    world,
    list.map((event, at) => (at === 1 ? { ...event, acceptedAt: undefined } : event)),
  );
  await settled(world);
  const mark = await world.db
    .collection<{ _id: string }>('event_marks')
    .findOne({ _id: `${epoch}/${partitionOf('t1')}` });
  expect(mark).toMatchObject({ upTo: 3n, ahead: [] });
});

test('an event that a newer router wrote stops its partition and no other, and is in no dead letter', async () => {
  const newer = makeEvent({ tenantId: 't1', minReaderVersion: 2 });
  const elsewhere = makeEvent({ tenantId: 't2' });
  expect(partitionOf('t1')).not.toBe(partitionOf('t2'));
  publish(world, [newer, makeEvent({ tenantId: 't1' }), elsewhere]);
  await vi.waitFor(async () => {
    await expectCharged(world, [elsewhere]);
  });
  expect(await deadLetters()).toEqual([]);
  expect(await world.db.collection('request_logs').countDocuments({ tenantId: 't1' })).toBe(0);
});

test('an event that is almost too old is charged, and known when it comes again later', async () => {
  const event = makeEvent({ acceptedAt: new Date(Date.now() - 35 * 86_400_000 + 60_000) });
  publish(world, [event]);
  await settled(world);
  await expectCharged(world, [event]);
  publish(world, [{ ...event, acceptedAt: new Date(Date.now() - 36 * 86_400_000) }]);
  await settled(world);
  await expectCharged(world, [event]);
  expect(await deadLetters()).toEqual([]);
});
