import { writeFile } from 'node:fs/promises';
import { partitionOf } from '@omg/messaging';
import { eventsV1 } from '@omg/proto-gen';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RATES, expectCharged, expectedCost, makeEvent, makeWorld, publish, settled, type World } from './ledger.ts';

const ACCOUNT = 'service:batch-jobs';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** As key-broker publishes what a service has reported. */
function serviceEvent(change: Partial<eventsV1.UsageEvent> = {}): eventsV1.UsageEvent {
  return makeEvent({
    epoch: 'epoch-of-a-broker',
    tenantId: ACCOUNT,
    tenantName: 'batch-jobs',
    clientKeyId: ACCOUNT,
    dialect: eventsV1.Dialect.UNSPECIFIED,
    ...change,
  });
}

interface TenantDocument {
  readonly _id: string;
}
const accounts = async (): Promise<readonly TenantDocument[]> =>
  await world.db
    .collection<TenantDocument>('tenants')
    .find({ _id: /^service/, createdAt: { $type: 'date' } }, { projection: { createdAt: 0 } })
    .toArray();

test('an internal service has an account from its first charge on, without credits or a bootstrap file', async () => {
  const environment = { BOOTSTRAP_FILE: '' };
  await Promise.all([world.start({ environment }), world.start({ environment })]);
  const events = [serviceEvent(), serviceEvent(), serviceEvent({ tenantId: 'service:other', tenantName: 'other' })];
  publish(world, events);
  await settled(world);
  publish(world, [serviceEvent({ ...events[0], number: 9n })]);
  await settled(world);
  await expectCharged(world, events);
  const cost = events
    .slice(0, 2)
    .reduce((sum, { tokens }) => sum + (tokens === undefined ? 0n : expectedCost(tokens)), 0n);
  expect(await accounts()).toEqual([
    {
      _id: ACCOUNT,
      name: 'batch-jobs',
      type: 'service',
      status: 'active',
      version: 1n,
      creditsNanoUsd: 0n,
      spentNanoUsd: cost,
    },
    expect.objectContaining({ _id: 'service:other', name: 'other' }),
  ]);
});

test('what it used is logged under its name', async () => {
  const { usage } = await world.start();
  const event = serviceEvent();
  publish(world, [event]);
  await settled(world);
  const log = await world.db.collection<{ _id: string }>('request_logs').findOne({ _id: event.requestId });
  expect(log).toMatchObject({
    userId: 'batch-jobs',
    userKeyId: ACCOUNT,
    tenantId: ACCOUNT,
    factoryKeyId: 'upstream-key',
    dialect: 'unspecified',
  });
  expect((await usage.getLog({ requestId: event.requestId })).log?.event).toMatchObject({
    tenantName: 'batch-jobs',
    dialect: eventsV1.Dialect.UNSPECIFIED,
  });
});

test('the same request under other numbers, of this or another broker, is charged once, and no number is missing', async () => {
  await world.start();
  const event = serviceEvent({ number: 1n });
  publish(world, [event, { ...event, number: 2n }]);
  await settled(world);
  publish(world, [{ ...event, number: 3n }, serviceEvent({ ...event, epoch: 'epoch-of-the-next', number: 1n })]);
  await settled(world);
  await expectCharged(world, [event]);
  const marks = world.db.collection<{ _id: string }>('event_marks');
  const partition = partitionOf(ACCOUNT);
  expect(await marks.findOne({ _id: `epoch-of-a-broker/${partition}` })).toMatchObject({ upTo: 3n, ahead: [] });
  expect(await marks.findOne({ _id: `epoch-of-the-next/${partition}` })).toMatchObject({ upTo: 1n, ahead: [] });
});

test('a model is priced by its id, else by what the upstream calls it', async () => {
  const free = { input: '0', output: '0', cacheWrite5m: '0', cacheWrite1h: '0', cacheRead: '0' };
  const models = [
    { id: 'model-x', upstream: 'big-2026', price: RATES, multiplier: '1.05' },
    // asked for later: the first one counts
    { id: 'model-y', upstream: 'big-2026', price: free },
    // another model's upstream name is this one's id
    { id: 'model-z', upstream: 'model-x', price: free },
  ];
  const site = { site: 'ohmygpt', provider: 'ohmygpt', port: 8005, models };
  await writeFile(world.environment['SITE_FILES'] ?? '', JSON.stringify(site));
  await world.start();
  const events = ['big-2026', 'model-x'].map((model) => serviceEvent({ model, upstreamModel: model }));
  publish(world, events);
  await settled(world);
  await expectCharged(world, events);
  // names are read from the site file each time, prices only once
  await world.start();
  const again = serviceEvent({ model: 'big-2026' });
  publish(world, [again]);
  await settled(world);
  await expectCharged(world, [...events, again]);
});

test.each([
  ['a model without a price', { model: 'model-z' }, 'there is no price for model-z on ohmygpt'],
  ['a name that no service can have', { tenantId: 'service:a/b' }, 'there is no account service:a/b'],
])('an event with %s is a dead letter and makes no account', async (_, change, reason) => {
  await world.start();
  publish(world, [serviceEvent({ dialect: eventsV1.Dialect.OPENAI, ...change })]);
  await settled(world);
  expect(await world.db.collection('dead_letters').find().toArray()).toMatchObject([{ reason }]);
  expect(await accounts()).toEqual([]);
});
