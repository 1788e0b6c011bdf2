import { writeFile } from 'node:fs/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { partitionOf } from '@omg/messaging';
import { auditV1, eventsV1 } from '@omg/proto-gen';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { named, projected, reconcile, startAudit, type AuditWorld } from './audit-world.ts';
import { RATES, expectCharged, makeEvent, publish, settled, siteFileOf, type World } from './ledger.ts';

// prices are read again, and partitions charged, before anything can be said
vi.setConfig({ testTimeout: 60_000 });

let running: AuditWorld;
let world: World;
beforeEach(async () => {
  running = await startAudit();
  ({ world } = running.admin);
});
afterEach(async () => {
  await running[Symbol.asyncDispose]();
});

const { CHARGED, CHARGED_BEFORE, REFUSED, NOT_FOUND, PENDING } = auditV1.ReplayOutcome;
const ALL = { reason: '', from: undefined, to: undefined, pageSize: 0, pageToken: '' };

async function replay(ids: readonly string[]): Promise<readonly (readonly [auditV1.ReplayOutcome, string])[]> {
  const { letters } = await running.letters.replayDeadLetters({ ids: [...ids] });
  expect(letters.map(({ id }) => id)).toEqual(ids);
  return letters.map(({ outcome, reason }) => [outcome, reason]);
}

async function letterIds(): Promise<readonly string[]> {
  return (await running.letters.listDeadLetters(ALL)).letters.map(({ id }) => id).toSorted();
}

/** Gives `model-z` a price, as an operator does, and waits until charging goes by it. */
async function addPrice(): Promise<void> {
  await writeFile(world.environment['SITE_FILES'] ?? '', siteFileOf(RATES, ['model-a', 'model-z']));
  await vi.waitFor(
    async () => {
      expect(await world.db.collection('prices').countDocuments({ model: 'model-z' })).toBe(1);
    },
    { timeout: 10_000 },
  );
  // whoever writes the price has it before any event that is sent from now on
  const probe = makeEvent({ tenantId: 'demo', model: 'model-z' });
  await vi.waitFor(
    async () => {
      publish(world, [probe]);
      await settled(world);
      expect(await world.db.collection<{ _id: string }>('request_logs').countDocuments({ _id: probe.requestId })).toBe(
        1,
      );
    },
    { timeout: 10_000 },
  );
  await running.letters.replayDeadLetters({ ids: [probe.requestId] });
}

async function refuse(
  count: number,
  change: Partial<eventsV1.UsageEvent> = {},
): Promise<readonly eventsV1.UsageEvent[]> {
  const events = Array.from({ length: count }, () => makeEvent({ model: 'model-z', ...change }));
  publish(world, events);
  await settled(world);
  return events;
}

test('what waited for a price is charged once when there is one, however often it is replayed', async () => {
  const events = [...(await refuse(5)), ...(await refuse(3, { tenantId: 't2' }))];
  const ids = events.map(({ requestId }) => requestId);
  const missing = [REFUSED, 'there is no price for model-z on ohmygpt'] as const;
  expect(await replay(ids)).toEqual(ids.map(() => missing));
  expect(await letterIds()).toEqual(ids.toSorted());
  await addPrice();
  expect(await replay(ids.slice(0, 6))).toEqual(ids.slice(0, 6).map(() => [CHARGED, '']));
  expect(await letterIds()).toEqual(ids.slice(6).toSorted());
  const both = await Promise.all([replay(ids), replay(ids)]);
  for (const outcomes of both) {
    expect(outcomes.slice(0, 6)).toEqual(ids.slice(0, 6).map(() => [NOT_FOUND, '']));
    for (const [outcome] of outcomes.slice(6)) expect([CHARGED, CHARGED_BEFORE, NOT_FOUND]).toContain(outcome);
  }
  expect(await letterIds()).toEqual([]);
  await expectCharged(world, events);
  await projected(world.db);
  expect(named(await reconcile(running))).toEqual([]);
});

test('what waited for an account is charged to it, and says why where something else is missing as well', async () => {
  const tenantId = 'late';
  const [good, bad] = [makeEvent({ tenantId }), makeEvent({ tenantId, model: 'model-z' })];
  publish(world, [good, bad]);
  await settled(world);
  await running.admin.admin.createTenant({ tenantId, name: 'Late', type: 'TENANT_TYPE_ORGANIZATION', actor: '' });
  expect(await replay([good.requestId, bad.requestId])).toEqual([
    [CHARGED, ''],
    [REFUSED, 'there is no price for model-z on ohmygpt'],
  ]);
  const { letter } = await running.letters.getDeadLetter({ id: bad.requestId });
  expect(letter?.reason).toBe('there is no price for model-z on ohmygpt');
  expect(letter?.event).toEqual(bad);
  await expectCharged(world, [good]);
});

test('a letter whose replay died after it was charged is taken away by the next one, and charged no second time', async () => {
  const [event] = await refuse(1);
  if (event === undefined) return;
  const letter = await world.db.collection<{ _id: string }>('dead_letters').findOne({ _id: event.requestId });
  await addPrice();
  expect(await replay([event.requestId])).toEqual([[CHARGED, '']]);
  await world.db.collection<{ _id: string }>('dead_letters').insertOne(letter ?? expect.fail());
  expect(await replay([event.requestId])).toEqual([[CHARGED_BEFORE, '']]);
  expect(await letterIds()).toEqual([]);
  await expectCharged(world, [event]);
});

test('a letter whose replay died before it was charged stays, and is charged with the stream', async () => {
  const [event] = await refuse(1);
  if (event === undefined) return;
  await addPrice();
  // the stream has it, and no ledger runs
  await running.admin.ledger[Symbol.asyncDispose]();
  const payload = eventsV1.UsageBatch.encode({ events: [event] }).finish();
  await jetstream(world.nats.connection).publish(`${world.stream.toLowerCase()}.${partitionOf('t1')}`, payload);
  expect(await world.db.collection<{ _id: string }>('dead_letters').countDocuments({ _id: event.requestId })).toBe(1);
  await world.start();
  await settled(world);
  await expectCharged(world, [event]);
});

test('what charging is not done with in time stays and is said to be on its way', async () => {
  const [event] = await refuse(1);
  if (event === undefined) return;
  // an event that a newer router wrote holds the partition up
  publish(world, [makeEvent({ minReaderVersion: 2 })]);
  expect(await replay([event.requestId])).toEqual([[PENDING, '']]);
  expect(await letterIds()).toEqual([event.requestId]);
});

test('what cannot be read is shown as far as it can, and not sent again', async () => {
  const garbage = Buffer.from('0affffffff', 'hex');
  await jetstream(world.nats.connection).publish(`${world.stream.toLowerCase()}.${partitionOf('t1')}`, garbage);
  const [noTime] = await refuse(1, { acceptedAt: undefined });
  const { letters } = await running.letters.listDeadLetters(ALL);
  const raw = letters.find(({ reason }) => reason === 'the message is no usage batch');
  const readable = letters.find(({ reason }) => reason === 'the event has no time');
  expect(raw).toMatchObject({ sizeBytes: 5n, partition: partitionOf('t1') });
  expect(raw?.event).toBeUndefined();
  expect(readable?.event).toEqual(noTime);
  const { streams } = await jetstreamManager(world.nats.connection);
  const messages = async () => await streams.info(world.stream);
  const before = (await messages()).state.messages;
  expect(await replay([raw?.id ?? '', readable?.id ?? '', 'nothing'])).toEqual([
    [REFUSED, 'the message is no usage batch'],
    [REFUSED, 'the event has no time'],
    [NOT_FOUND, ''],
  ]);
  expect((await messages()).state.messages).toBe(before);
});

test('letters are listed newest first, in pages, by reason, partition and time', async () => {
  await refuse(7);
  await refuse(4, { tenantId: 't2' });
  publish(world, [makeEvent({ tenantId: 'nobody' })]);
  await settled(world);
  const list = async (query: Partial<auditV1.ListDeadLettersRequest>) =>
    await running.letters.listDeadLetters({ ...ALL, ...query });
  const ids: string[] = [];
  let pageToken = '';
  do {
    const page = await list({ pageSize: 5, pageToken });
    ids.push(...page.letters.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  expect(ids).toHaveLength(12);
  expect(new Set(ids).size).toBe(12);
  const times = (await list({})).letters.map(({ at }) => Number(at));
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  expect((await list({ reason: 'NO ACCOUNT' })).letters).toHaveLength(1);
  expect((await list({ reason: 'no price', partition: partitionOf('t2') })).letters).toHaveLength(4);
  expect((await list({ from: new Date(Date.now() + 1_000) })).letters).toEqual([]);
  expect((await list({ to: new Date(Date.now() + 1_000) })).letters).toHaveLength(12);
  await expect(running.letters.getDeadLetter({ id: 'nothing' })).rejects.toMatchObject({ code: 'not_found' });
  await expect(replay(Array.from({ length: 101 }, (_, at) => String(at)))).rejects.toMatchObject({
    code: 'invalid_argument',
  });
});
