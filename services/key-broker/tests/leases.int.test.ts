import { quotaV1 } from '@omg/proto-gen';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { acquire, clientOf, keysOf, makeWorld, type Acquired, type Broker, type World } from './broker.ts';
import { oldKey } from './old-key.ts';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

async function releaseAll({ client }: Broker, leases: Acquired): Promise<void> {
  await client.releaseLeases({ leaseIds: leases.map(({ leaseId }) => leaseId) });
}

/** Which keys a few leases are of, given back at once. */
async function keysInTurn(broker: Broker, count = 10): Promise<readonly string[]> {
  const leases = await acquire(broker, count);
  await releaseAll(broker, leases);
  return leases.map(({ keyId }) => keyId);
}

describe('keys that were inserted with a MongoDB client', () => {
  test('are leased within the reload interval, each as often as the others', async () => {
    const broker = await world.start();
    expect(await acquire(broker)).toEqual([]);
    await keysOf(world).insertMany(['a', 'b', 'c', 'd', 'e'].map((name) => oldKey(name)));
    await vi.waitFor(async () => {
      expect(new Set(await keysInTurn(broker)).size).toBe(5);
    });
    const leases = [];
    for (let time = 0; time < 100; time += 1) leases.push(...(await acquire(broker)));
    const counts = Object.values(Object.groupBy(leases, ({ keyId }) => keyId)).map((list) => list?.length);
    expect(counts).toEqual([20, 20, 20, 20, 20]);
  });

  test('are evenly leased to many who ask at once', async () => {
    await keysOf(world).insertMany(['a', 'b', 'c', 'd'].map((name) => oldKey(name)));
    const broker = await world.start();
    const leases = (await Promise.all(Array.from({ length: 80 }, async () => await acquire(broker)))).flat();
    const counts = Object.values(Object.groupBy(leases, ({ keyId }) => keyId)).map((list) => list?.length);
    expect(counts).toEqual([20, 20, 20, 20]);
    expect(new Set(leases.map(({ leaseId }) => leaseId)).size).toBe(80);
  });

  test('bring their secret and the endpoint of their provider', async () => {
    await keysOf(world).insertOne(oldKey('a'));
    await keysOf(world, 'openhands').insertOne(oldKey('b'));
    const broker = await world.start({ OPENHANDS_BASE_URL: 'http://127.0.0.1:9/base' });
    expect(await acquire(broker)).toMatchObject([
      {
        provider: 'ohmygpt',
        keyId: 'a',
        secret: 'secret-of-a',
        ttlMs: 15_000,
        proxy: undefined,
        endpoint: {
          name: 'primary',
          baseUrl: 'https://apic1.ohmycdn.com/api/v1/ai/openai/cc-omg',
          chatCompletionsPath: '/v1/chat/completions',
          messagesPath: '/v1/messages',
        },
      },
    ]);
    expect(await acquire(broker, 1, 'm', 'openhands')).toMatchObject([
      { keyId: 'b', endpoint: { baseUrl: 'http://127.0.0.1:9/base' } },
    ]);
  });

  test('and use their failover are leased at the backup endpoint', async () => {
    await keysOf(world).insertOne(oldKey('a', { status: 'using_failover' }));
    const [lease] = await acquire(await world.start());
    expect(lease?.endpoint).toMatchObject({ name: 'backup', chatCompletionsPath: '/chat/completions' });
  });

  test('and are for some models only are leased for those', async () => {
    await keysOf(world).insertMany([oldKey('some', { allowedModels: ['m1'] }), oldKey('all')]);
    const broker = await world.start();
    expect(new Set((await acquire(broker, 6, 'm1')).map(({ keyId }) => keyId))).toEqual(new Set(['some', 'all']));
    expect(new Set((await acquire(broker, 6, 'm2')).map(({ keyId }) => keyId))).toEqual(new Set(['all']));
  });

  test('and cannot be read cost only themselves', async () => {
    const logged: string[] = [];
    await keysOf(world).insertMany([
      oldKey('good'),
      oldKey('no-secret', { apiKey: '' }),
      oldKey('strange', { apiKey: 'secret-that-nobody-reads', status: 'strange' }),
      oldKey('text', { isEnabled: 'yes' }),
    ]);
    const broker = await world.start(
      { LOG_LEVEL: 'debug' },
      { logDestination: { write: (line) => void logged.push(line) } },
    );
    expect(new Set(await keysInTurn(broker))).toEqual(new Set(['good']));
    for (const name of ['no-secret', 'strange', 'text']) {
      expect(logged.filter((line) => line.includes(name))).toHaveLength(1);
    }
    expect(logged.join('')).not.toMatch(/secret-of-|secret-that/);
    await keysOf(world).updateOne({ _id: 'strange' }, { $set: { status: 'healthy' } });
    await vi.waitFor(async () => {
      expect(await keysInTurn(broker)).toContain('strange');
    });
  });
});

describe('a key that is disabled or deleted', () => {
  test.each([
    [
      'disabled',
      async () => {
        await keysOf(world).updateOne({ _id: 'a' }, { $set: { isEnabled: false } });
      },
    ],
    [
      'deleted',
      async () => {
        await keysOf(world).deleteOne({ _id: 'a' });
      },
    ],
    [
      'given another secret',
      async () => {
        await keysOf(world).updateOne({ _id: 'a' }, { $set: { apiKey: 'new' } });
      },
    ],
  ])('%s: what was leased of it is not renewed, and the others are', async (_, change) => {
    await keysOf(world).insertMany([oldKey('a'), oldKey('b')]);
    const broker = await world.start();
    const leases = await acquire(broker, 4);
    const leaseIds = leases.map(({ leaseId }) => leaseId);
    expect((await broker.client.renewLeases({ leaseIds })).unknownLeaseIds).toEqual([]);
    await change();
    const ofIt = leases.filter(({ keyId }) => keyId === 'a').map(({ leaseId }) => leaseId);
    expect(ofIt).toHaveLength(2);
    await vi.waitFor(async () => {
      expect((await broker.client.renewLeases({ leaseIds })).revokedLeaseIds).toEqual(ofIt);
    });
  });

  test('is not leased within the reload interval', async () => {
    await keysOf(world).insertMany([oldKey('a'), oldKey('b')]);
    const broker = await world.start();
    await keysOf(world).updateOne({ _id: 'a' }, { $set: { isEnabled: false } });
    await vi.waitFor(async () => {
      expect(new Set(await keysInTurn(broker))).toEqual(new Set(['b']));
    });
    await keysOf(world).updateOne({ _id: 'b' }, { $set: { isEnabled: false } });
    await vi.waitFor(async () => {
      expect(await acquire(broker)).toEqual([]);
    });
  });
});

describe('a lease', () => {
  const clock = { skippedMs: 0, nowMs: (): number => Date.now() + clock.skippedMs };

  test('is kept as long as it is renewed, and its slot is free a ttl after the last time', async () => {
    await keysOf(world).insertOne(oldKey('a', { slots: 1 }));
    const broker = await world.start({ LEASE_TTL: '10s' }, { clock });
    const [lease] = await acquire(broker);
    const leaseIds = [lease?.leaseId ?? ''];
    for (let time = 0; time < 3; time += 1) {
      clock.skippedMs += 9_000;
      expect(await broker.client.renewLeases({ leaseIds })).toMatchObject({ ttlMs: 10_000, unknownLeaseIds: [] });
      expect(await acquire(broker)).toEqual([]);
    }
    clock.skippedMs += 10_000;
    expect(await broker.client.renewLeases({ leaseIds })).toMatchObject({ ttlMs: 10_000, unknownLeaseIds: leaseIds });
    expect(await acquire(broker)).toHaveLength(1);
  });

  test('that is given back, also twice, frees one slot', async () => {
    await keysOf(world).insertOne(oldKey('a', { slots: 2 }));
    const broker = await world.start();
    const leases = await acquire(broker, 5);
    expect(leases).toHaveLength(2);
    await releaseAll(broker, leases.slice(0, 1));
    await releaseAll(broker, leases.slice(0, 1));
    await broker.client.releaseLeases({ leaseIds: ['unknown'] });
    expect(await acquire(broker, 5)).toHaveLength(1);
  });

  test('is refused with the time when the next cooldown ends, by the real clock too', async () => {
    await keysOf(world).insertMany([
      oldKey('a', { cooldownUntil: new Date(Date.now() + 60_000) }),
      oldKey('b', { isEnabled: false }),
    ]);
    const broker = await world.start();
    const { result } = await broker.client.acquireLeases({
      provider: 'ohmygpt',
      model: 'm',
      count: 1,
      holder: 'h',
      tokens: 0,
      excludeKeys: [],
    });
    expect(result).toMatchObject({ $case: 'denied', value: { reason: quotaV1.DenyReason.NONE_AVAILABLE } });
    const retryAfterMs = result?.$case === 'denied' ? result.value.retryAfterMs : 0;
    expect(retryAfterMs).toBeGreaterThan(55_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_001);
  });

  test('is refused for want of slots, which is another reason', async () => {
    await keysOf(world).insertOne(oldKey('a', { slots: 1 }));
    const broker = await world.start();
    await acquire(broker);
    const { result } = await broker.client.acquireLeases({
      provider: 'ohmygpt',
      model: 'm',
      count: 1,
      holder: 'h',
      tokens: 0,
      excludeKeys: [],
    });
    expect(result).toMatchObject({ $case: 'denied', value: { reason: quotaV1.DenyReason.SLOTS } });
  });

  test('of a provider that does not exist is refused', async () => {
    const broker = await world.start();
    await expect(acquire(broker, 1, 'm', 'nobody')).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

describe('a caller without a valid token', () => {
  test.each(['', 'not-the-token-of-anybody'])('%j gets no lease, renews none and learns nothing', async (token) => {
    await keysOf(world).insertOne(oldKey('a'));
    const { service } = await world.start();
    using client = clientOf(service, token);
    const refused = { code: 'unauthenticated' };
    await expect(
      client.acquireLeases({ provider: 'ohmygpt', model: 'm', count: 1, holder: 'h', tokens: 0, excludeKeys: [] }),
    ).rejects.toMatchObject(refused);
    await expect(client.renewLeases({ leaseIds: ['x'] })).rejects.toMatchObject(refused);
    await expect(client.releaseLeases({ leaseIds: ['x'] })).rejects.toMatchObject(refused);
    await expect(client.listProviders({})).rejects.toMatchObject(refused);
  });
});
