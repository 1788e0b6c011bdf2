import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { box, acquire, keysOf, makeWorld, type World } from './broker.ts';
import { oldKey } from './old-key.ts';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

describe('the keys of the environment', () => {
  const secretsIn = async (): Promise<Readonly<Record<string, unknown>>> =>
    Object.fromEntries(
      (await keysOf(world).find({ fromEnvironment: true }).toArray()).map(({ _id, apiKey }) => [
        _id,
        box.open(String(apiKey)),
      ]),
    );

  async function startWith(keys: string): Promise<void> {
    await using _ = await world.start({ OHMYGPT_API_KEYS: keys });
  }

  test('are exactly those of the last start, beside what operators put in', async () => {
    await keysOf(world).insertOne(oldKey('by-hand'));
    await startWith('one,two,three');
    expect(await secretsIn()).toEqual({ 'env-1': 'one', 'env-2': 'two', 'env-3': 'three' });
    await startWith('two,one');
    expect(await secretsIn()).toEqual({ 'env-1': 'two', 'env-2': 'one' });
    await startWith(' , ');
    expect(await secretsIn()).toEqual({});
    expect(await keysOf(world).countDocuments()).toBe(1);
  });

  test('keep what is known of them, unless another key takes their place', async () => {
    await startWith('one,two');
    const change = {
      $set: { status: 'exhausted', cooldownUntil: new Date(Date.now() + 86_400_000), isEnabled: false, tokensUsed: 7 },
    };
    await keysOf(world).updateMany({}, change);
    await using broker = await world.start({ OHMYGPT_API_KEYS: 'one,another' });
    expect(await keysOf(world).findOne({ _id: 'env-1' })).toMatchObject({
      status: 'exhausted',
      isEnabled: false,
      tokensUsed: 7,
    });
    expect(await keysOf(world).findOne({ _id: 'env-2' })).toMatchObject({
      status: 'healthy',
      isEnabled: true,
      tokensUsed: 0,
    });
    expect(await acquire(broker, 3)).toMatchObject([
      { secret: 'another' },
      { secret: 'another' },
      { secret: 'another' },
    ]);
  });

  test('are left alone by a start that says nothing of them', async () => {
    await startWith('one');
    await using broker = await world.start();
    expect(await acquire(broker)).toMatchObject([{ secret: 'one' }]);
  });

  test('may be put in by two brokers at once', async () => {
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        await startWith('one,two');
      }),
    );
    expect(await secretsIn()).toEqual({ 'env-1': 'one', 'env-2': 'two' });
  });
});

describe('the list of providers', () => {
  test('names each with its endpoints, its keys, and how many of them and their slots are free', async () => {
    await keysOf(world).insertMany([
      oldKey('free', { slots: 2 }),
      oldKey('full', { slots: 1, allowedModels: ['special'] }),
      oldKey('disabled', { isEnabled: false }),
      oldKey('cooling', { cooldownUntil: new Date(Date.now() + 60_000) }),
      oldKey('exhausted', { status: 'exhausted' }),
    ]);
    const { client, ...broker } = await world.start();
    await acquire({ client, ...broker }, 3, 'special');
    await client.releaseLeases({ leaseIds: (await acquire({ client, ...broker })).map(({ leaseId }) => leaseId) });
    const { providers } = await client.listProviders({});
    expect(providers).toMatchObject([
      {
        name: 'ohmygpt',
        ready: false,
        keys: 5,
        keysAvailable: 0,
        slotsInUse: 3,
        endpoint: { name: 'primary' },
        backupEndpoint: { name: 'backup', baseUrl: 'https://c-z0-api-01.hash070.com' },
      },
      { name: 'openhands', ready: false, keys: 0, keysAvailable: 0, slotsInUse: 0, backupEndpoint: undefined },
    ]);
    expect(JSON.stringify(providers)).not.toContain('secret');
  });

  test.each([
    ['a healthy key is', {}, true],
    ['a key that uses its failover is', { status: 'using_failover' }, true],
    ['an exhausted key is not', { status: 'exhausted' }, false],
    ['a rate limited key is not', { status: 'rate_limited' }, false],
    ['a key with errors is not', { status: 'error' }, false],
    ['a disabled key is not', { isEnabled: false }, false],
  ])('calls a provider ready where a key can be leased: %s', async (_, change, ready) => {
    await keysOf(world).insertOne(oldKey('only', change));
    const broker = await world.start();
    const { providers } = await broker.client.listProviders({});
    expect(providers[0]).toMatchObject({ ready, keys: 1, keysAvailable: ready ? 1 : 0 });
    expect((await acquire(broker)).length > 0).toBe(ready);
  });
});
