import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RATES, expectCharged, makeEvent, makeWorld, publish, settled, siteFileOf, type World } from './ledger.ts';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

interface PriceDocument {
  readonly _id: string;
  readonly validFrom: Date;
}
const versions = async (): Promise<readonly string[]> => {
  const documents = await world.db
    .collection<PriceDocument>('prices')
    .find({}, { sort: { _id: 1 } })
    .toArray();
  return documents.map(({ _id }) => _id);
};

const state = async (price: object, models?: readonly string[]): Promise<void> => {
  await writeFile(world.environment['SITE_FILES'] ?? '', siteFileOf(price, models));
};

interface Log {
  readonly priceVersion: string;
  readonly costNanoUsd: bigint;
}
const logOf = async (requestId: string): Promise<Log | null> =>
  await world.db.collection<Log & { _id: string }>('request_logs').findOne({ _id: requestId });

test('the same prices again are no new version', async () => {
  for (let time = 0; time < 3; time += 1) {
    await using _ = await world.start();
  }
  expect(await versions()).toEqual(['ohmygpt/model-a@1']);
});

test('two ledgers that start at once append a version once', async () => {
  await Promise.all([world.start(), world.start(), world.start()]);
  expect(await versions()).toEqual(['ohmygpt/model-a@1']);
});

test('a changed price is another version from then on, and a request has the price of the time it came', async () => {
  const before = makeEvent();
  const late = makeEvent();
  {
    await using _ = await world.start();
    publish(world, [before]);
    await settled(world);
  }
  await state({ ...RATES, output: '33.00' });
  await using _ = await world.start();
  const after = makeEvent({ acceptedAt: new Date() });
  // accepted before the change, and reported after it
  publish(world, [late, after]);
  await settled(world);
  expect(await versions()).toEqual(['ohmygpt/model-a@1', 'ohmygpt/model-a@2']);
  expect((await logOf(before.requestId))?.priceVersion).toBe('ohmygpt/model-a@1');
  expect((await logOf(late.requestId))?.priceVersion).toBe('ohmygpt/model-a@1');
  expect((await logOf(after.requestId))?.priceVersion).toBe('ohmygpt/model-a@2');
  // 1,048 output tokens at 16.50 more per million, times 1.05
  const difference =
    ((await logOf(after.requestId))?.costNanoUsd ?? 0n) - ((await logOf(late.requestId))?.costNanoUsd ?? 0n);
  const inputs = ((after.tokens?.input ?? 0n) - (late.tokens?.input ?? 0n)) * 3_465n;
  expect(difference - inputs).toBe(18_156_600n);
});

test('a change back is a third version, not the first one again', async () => {
  for (const price of [RATES, { ...RATES, output: '33.00' }, RATES]) {
    await state(price);
    await using _ = await world.start();
  }
  expect(await versions()).toEqual(['ohmygpt/model-a@1', 'ohmygpt/model-a@2', 'ohmygpt/model-a@3']);
  await world.start();
  const event = makeEvent({ acceptedAt: new Date() });
  publish(world, [event]);
  await settled(world);
  expect((await logOf(event.requestId))?.priceVersion).toBe('ohmygpt/model-a@3');
});

test('a model that is not offered any more is charged for requests that it still served', async () => {
  {
    await using _ = await world.start();
  }
  await state(RATES, ['model-b']);
  await world.start();
  const event = makeEvent();
  publish(world, [event]);
  await settled(world);
  await expectCharged(world, [event]);
});
