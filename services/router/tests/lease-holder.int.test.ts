import { affinityHash, bucketOf } from '@omg/affinity';
import { Secret } from '@omg/config';
import { createGrpcClient } from '@omg/grpc';
import { keyBrokerV1 } from '@omg/proto-gen';
import { startTelemetry, type Telemetry } from '@omg/telemetry';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Lease, LeaseRefusal, LeaseWish } from '../src/app/lease-broker.ts';
import { LeaseHolder } from '../src/clients/lease-holder/lease-holder.ts';
import { TestBroker, testAccess, testKey, TOKEN, type TestBrokerOptions } from './lease-holder-broker.ts';

const EPOCH = '0190a000-0000-7000-8000-000000000001';
const FIVE = ['k1', 'k2', 'k3', 'k4', 'k5'];

let stack: AsyncDisposableStack;
let telemetry: Telemetry;
let refusals: LeaseRefusal[];
let connectedTo: string[];
beforeEach(() => {
  stack = new AsyncDisposableStack();
  refusals = [];
  connectedTo = [];
  const logDestination = { write: () => undefined };
  telemetry = stack.use(
    startTelemetry({ service: 'test', version: '0', instance: 'test', logLevel: 'error', logDestination }),
  );
});
afterEach(async () => {
  await stack.disposeAsync();
});

async function startBroker(options: Omit<TestBrokerOptions, 'telemetry'>): Promise<TestBroker> {
  return stack.use(await TestBroker.start({ telemetry, ...options }));
}

function holderOf(address: string | readonly string[], outageGraceMs?: number): LeaseHolder {
  return stack.use(
    new LeaseHolder({
      provider: 'fake',
      epoch: EPOCH,
      addresses: [address].flat(),
      connect: (at) =>
        createGrpcClient(keyBrokerV1.KeyBrokerService, {
          address: at,
          token: new Secret(TOKEN),
          deadlineMs: 2_000,
          telemetry,
        }),
      events: {
        connected: (at) => {
          connectedTo.push(at);
        },
        disconnected: () => undefined,
        refused: (refusal) => {
          refusals.push(refusal);
        },
        outcomeForgotten: () => undefined,
      },
      ...(outageGraceMs !== undefined && { outageGraceMs }),
    }),
  );
}

const wish = (changes: Partial<LeaseWish> = {}): LeaseWish => ({
  model: 'm',
  affinityHash: undefined,
  tokens: 0,
  exclude: [],
  signal: new AbortController().signal,
  ...changes,
});

async function lease(holder: LeaseHolder, changes: Partial<LeaseWish> = {}): Promise<Lease> {
  const result = await holder.acquire(wish(changes));
  if ('reason' in result) throw new Error(`refused: ${result.reason}`);
  return result;
}

async function leases(holder: LeaseHolder, count: number): Promise<Lease[]> {
  return await Promise.all(Array.from({ length: count }, async () => await lease(holder)));
}

function countByKey(granted: readonly Lease[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { keyId } of granted) counts[keyId] = (counts[keyId] ?? 0) + 1;
  return counts;
}

async function lose(broker: TestBroker, holder: LeaseHolder): Promise<void> {
  await broker[Symbol.asyncDispose]();
  await vi.waitFor(() => {
    expect(holder.status.connected).toBe(false);
  });
}

async function connected(holder: LeaseHolder): Promise<void> {
  await vi.waitFor(
    () => {
      expect(holder.status.connected).toBe(true);
    },
    { timeout: 5_000 },
  );
}

describe('leases', () => {
  test('without affinity go around strictly, at once and one after the other', async () => {
    const broker = await startBroker({ keys: FIVE.map((id) => testKey(id)) });
    const holder = holderOf(broker.address);
    const even = Object.fromEntries(FIVE.map((id) => [id, 20]));
    const atOnce = await leases(holder, 100);
    expect(countByKey(atOnce)).toEqual(even);
    for (const one of atOnce) holder.release(one, 0);
    const inTurn: Lease[] = [];
    for (let i = 0; i < 100; i += 1) {
      const one = await lease(holder);
      inTurn.push(one);
      holder.release(one, 0);
    }
    expect(countByKey(inTurn)).toEqual(even);
    expect(refusals).toEqual([]);
  });

  test('carry what the upstream call needs', async () => {
    const access = testAccess('k1', { $case: 'anyProxy', value: true });
    const broker = await startBroker({
      keys: [testKey('k1', { generation: 7n, access })],
      snapshot: {
        proxies: [
          {
            usable: true,
            proxy: {
              proxyId: 'p',
              type: keyBrokerV1.ProxyType.SOCKS5,
              host: 'h',
              port: 1,
              username: 'u',
              password: 'w',
            },
          },
        ],
      },
    });
    const holder = holderOf(broker.address);
    const granted = await lease(holder);
    expect(granted).toMatchObject({
      provider: 'fake',
      keyId: 'k1',
      secret: 'secret-of-k1',
      generation: 7n,
      endpointName: 'primary',
      urls: { openai: 'https://up/o', anthropic: 'https://up/a' },
      http2: false,
      proxy: { id: 'p', type: 'socks5', host: 'h', port: 1, username: 'u', password: 'w' },
      isProbe: false,
    });
    // its proxy is judged, but not where the attempt went around it
    holder.report(granted, { cause: 'timeout' });
    holder.report(await lease(holder), { cause: 'timeout', direct: true });
    await vi.waitFor(() => {
      expect(broker.outcomes.map(({ proxyId }) => proxyId)).toEqual(['p', '']);
    });
  });

  test('of one turn are few frames, however many', async () => {
    const broker = await startBroker({ keys: FIVE.map((id) => testKey(id, {}, 300)) });
    const holder = holderOf(broker.address);
    await lease(holder);
    const before = broker.requests.length;
    await leases(holder, 1_000);
    expect(broker.requests.length - before).toBeLessThan(10);
  });

  test('of a conversation stay with its key, and the bucket is told', async () => {
    const hash = affinityHash('client', 'conversation');
    const moves = FIVE.map((keyId, i) => ({ keyId, buckets: [0, 1, 2, 3, 4, 5, 6, 7].filter((b) => b % 5 === i) }));
    const broker = await startBroker({
      keys: FIVE.map((id) => testKey(id)),
      snapshot: { affinity: { version: 1n, buckets: 8, moves } },
    });
    const holder = holderOf(broker.address);
    const bucket = bucketOf(hash, 8);
    const home = FIVE[bucket % 5] ?? '';
    for (let i = 0; i < 20; i += 1) expect(await lease(holder, { affinityHash: hash })).toMatchObject({ keyId: home });
    await vi.waitFor(
      () => {
        expect(broker.requests.flatMap(({ touchedBuckets }) => touchedBuckets)).toContain(bucket);
      },
      { timeout: 5_000 },
    );
    expect((await lease(holder, { affinityHash: hash, exclude: [home] })).keyId).not.toBe(home);
    broker.push({ affinity: { from: 5n, version: 6n, buckets: 8, moves: [] } });
    await vi.waitFor(() => {
      expect(broker.requests.some(({ wantAffinity }) => wantAffinity)).toBe(true);
    });
  });

  test('are of keys that fit the model and were not tried', async () => {
    const broker = await startBroker({
      keys: [
        testKey('k1', { deniedModels: ['m'] }),
        testKey('k2', { allowedModels: ['n'] }),
        testKey('k3', { allowedModels: ['m'] }),
        testKey('k4', { usable: false }),
      ],
    });
    const holder = holderOf(broker.address);
    expect(countByKey(await leases(holder, 10))).toEqual({ k3: 10 });
  });
});

describe('a refusal', () => {
  test('says that all slots are taken, and no slot is lost by it', async () => {
    const broker = await startBroker({ keys: [testKey('k1', {}, 3)] });
    const holder = holderOf(broker.address);
    const all = await leases(holder, 3);
    expect(await holder.acquire(wish())).toMatchObject({ reason: 'slots' });
    for (const one of all) holder.release(one, 0);
    await leases(holder, 3);
    expect(refusals).toHaveLength(1);
  });

  test('says that there is no key, and when the next cooldown ends', async () => {
    const pool = { heldForMs: 0, probeWanted: false, nextCooldownMs: 5_000 };
    const broker = await startBroker({ keys: [testKey('k1', { usable: false })], snapshot: { pool } });
    await holderOf(broker.address).acquire(wish());
    expect(refusals).toMatchObject([{ reason: 'none_available' }]);
    const retryAfterMs = refusals[0]?.retryAfterMs ?? 0;
    expect(retryAfterMs).toBeGreaterThan(3_000);
    expect(retryAfterMs).toBeLessThanOrEqual(5_000);
  });

  test('comes at once while the provider is held, without asking', async () => {
    const pool = { heldForMs: 5_000, probeWanted: false, nextCooldownMs: 0 };
    const broker = await startBroker({ keys: [testKey('k1')], snapshot: { pool } });
    const holder = holderOf(broker.address);
    await connected(holder);
    expect(await holder.acquire(wish())).toMatchObject({ reason: 'held' });
    expect(broker.takes).toBe(0);
  });

  test('says that there is no way to the key', async () => {
    const access = testAccess('k1', { $case: 'anyProxy', value: true });
    const broker = await startBroker({ keys: [testKey('k1', { access })] });
    const holder = holderOf(broker.address);
    expect(await holder.acquire(wish())).toMatchObject({ reason: 'no_proxy' });
    await vi.waitFor(() => {
      expect(holder.status.leases).toBe(0);
    });
  });

  test('comes after two seconds where no broker can be reached', async () => {
    const gone = await startBroker({});
    await gone[Symbol.asyncDispose]();
    const startedMs = performance.now();
    expect(await holderOf(gone.address).acquire(wish())).toMatchObject({ reason: 'unavailable', retryAfterMs: 1_000 });
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(1_900);
    expect(tookMs).toBeLessThan(3_000);
  });
});

describe('while the broker is away', () => {
  test('held slots serve, also who waits for one that comes free', async () => {
    // the wait below is longer than the ttl
    const broker = await startBroker({ keys: FIVE.map((id) => testKey(id)), ttlMs: 1_500 });
    const holder = holderOf(broker.address);
    const held = await leases(holder, 10);
    await lose(broker, holder);
    const waiting = lease(holder);
    for (const one of held) holder.release(one, 0);
    const sinceMs = performance.now();
    holder.release(await waiting, 0);
    expect(performance.now() - sinceMs).toBeLessThan(500);
    const again = await leases(holder, 10);
    expect(countByKey(again)).toEqual(Object.fromEntries(FIVE.map((id) => [id, 2])));
    expect(await holder.acquire(wish())).toMatchObject({ reason: 'unavailable' });
    for (const one of again) holder.release(one, 0);
    expect(await leases(holder, 10)).toHaveLength(10);
  });

  test('keys of which nothing is held are passed over', async () => {
    const broker = await startBroker({ keys: FIVE.map((id) => testKey(id)) });
    const holder = holderOf(broker.address);
    holder.release(await lease(holder), 0);
    await lose(broker, holder);
    const sinceMs = performance.now();
    for (let i = 0; i < 3; i += 1) holder.release(await lease(holder), 0);
    expect(performance.now() - sinceMs).toBeLessThan(500);
  });

  test('one that does not answer is like one that is away', async () => {
    const broker = await startBroker({ keys: [testKey('k1'), testKey('k2'), testKey('k3')] });
    const holder = holderOf(broker.address);
    holder.release(await lease(holder), 0);
    broker.mute();
    expect(await leases(holder, 1)).toMatchObject([{ keyId: 'k1' }]);
    expect(await holder.acquire(wish())).toMatchObject({ reason: 'unavailable' });
  });

  test('what was held is lost after the grace', async () => {
    const broker = await startBroker({ keys: [testKey('k1')], ttlMs: 1_500 });
    const holder = holderOf(broker.address, 0);
    const held = await lease(holder);
    await lose(broker, holder);
    holder.release(held, 0);
    holder.release(await lease(holder), 0);
    await vi.waitFor(
      async () => {
        const result = await holder.acquire(wish());
        if (!('reason' in result)) holder.release(result, 0);
        expect('reason' in result).toBe(true);
      },
      { timeout: 10_000 },
    );
  });

  test('a key that fails is left out by this process itself, until a broker speaks; then it hears of it', async () => {
    const broker = await startBroker({ keys: [testKey('k1'), testKey('k2')] });
    const holder = holderOf(broker.address);
    const held = await leases(holder, 4);
    await lose(broker, holder);
    for (const one of held) holder.release(one, 0);
    const failed = await lease(holder);
    holder.report(failed, { cause: 'auth', message: `no such key ${failed.secret}`, status: 401 });
    holder.release(failed, 0);
    const others = await leases(holder, 2);
    expect(others.map(({ keyId }) => keyId)).not.toContain(failed.keyId);
    for (const one of others) holder.release(one, 0);
    const back = await startBroker({ term: 2, keys: [testKey('k1'), testKey('k2')], port: broker.port });
    await connected(holder);
    await vi.waitFor(() => {
      expect(back.outcomes).toMatchObject([
        { keyId: failed.keyId, cause: 'OUTCOME_CAUSE_AUTH', message: 'no such key [key]', status: 401 },
      ]);
    });
    expect(Object.keys(countByKey(await leases(holder, 4)))).toHaveLength(2);
  });
});

describe('another owner', () => {
  test('is found where the first one says it is', async () => {
    const broker = await startBroker({ keys: [testKey('k1')] });
    const other = await startBroker({ owner: broker.address });
    const holder = holderOf(other.address);
    await lease(holder);
    expect(connectedTo).toEqual([broker.address]);
  });

  test('is found behind another address when the one that led there is gone', async () => {
    const first = await startBroker({ keys: [testKey('k1')] });
    const second = await startBroker({ term: 2, keys: [testKey('k2')] });
    const holder = holderOf([first.address, second.address]);
    await lease(holder);
    await lose(first, holder);
    await vi.waitUntil(() => connectedTo.includes(second.address), { timeout: 2_000, interval: 10 });
    expect(await lease(holder)).toMatchObject({ keyId: 'k2' });
  });

  test('hears what this holder has, and nothing is granted twice', async () => {
    const broker = await startBroker({ keys: [testKey('k1', {}, 5)] });
    const holder = holderOf(broker.address);
    const held = await leases(holder, 3);
    await lose(broker, holder);
    const next = await startBroker({
      term: 2,
      keys: [testKey('k1', {}, 5)],
      port: broker.port,
      knownHolders: [EPOCH],
    });
    await vi.waitFor(
      () => {
        expect(next.outstanding('k1', EPOCH)).toBeGreaterThanOrEqual(3);
      },
      { timeout: 5_000 },
    );
    const more = await leases(holder, 2);
    expect(await holder.acquire(wish())).toMatchObject({ reason: 'slots' });
    for (const one of [...held, ...more]) holder.release(one, 0);
    await leases(holder, 5);
    expect(next.free('k1')).toBe(0);
  });

  test('of an earlier term is not believed', async () => {
    const broker = await startBroker({ term: 5, keys: [testKey('k1')] });
    const holder = holderOf(broker.address);
    const held = await lease(holder);
    await lose(broker, holder);
    const old = await startBroker({ term: 4, keys: [testKey('old')], port: broker.port });
    await vi.waitFor(
      () => {
        expect(old.opened).toBeGreaterThan(1);
      },
      { timeout: 5_000 },
    );
    holder.release(held, 0);
    expect(await lease(holder)).toMatchObject({ keyId: 'k1' });
    await old[Symbol.asyncDispose]();
    await startBroker({ term: 6, keys: [testKey('new')], port: broker.port });
    await connected(holder);
    expect(await lease(holder)).toMatchObject({ keyId: 'new' });
  });
});

test('a key that is withdrawn is not leased any more, and what runs with it is cut where that is asked for', async () => {
  const broker = await startBroker({ keys: [testKey('k1'), testKey('k2')] });
  const holder = holderOf(broker.address);
  const running = await leases(holder, 4);
  const signals = running.map(({ keyId, cut }) => ({ keyId, cut }));
  broker.setKey('k1', { usable: false, generation: 2n });
  await vi.waitFor(() => {
    expect(holder.status.usableKeys).toBe(1);
  });
  expect(countByKey(await leases(holder, 10))).toEqual({ k2: 10 });
  expect(signals.some(({ cut }) => cut.aborted)).toBe(false);
  broker.setKey('k1', { usable: false, abort: true });
  await vi.waitFor(() => {
    expect(signals.map(({ keyId, cut }) => `${keyId} ${cut.aborted}`).toSorted()).toEqual([
      'k1 true',
      'k1 true',
      'k2 false',
      'k2 false',
    ]);
  });
});

test('a key that is gone is not leased any more', async () => {
  const broker = await startBroker({ keys: [testKey('k1'), testKey('k2')] });
  const holder = holderOf(broker.address);
  await leases(holder, 4);
  broker.keys.delete('k1');
  broker.push({ goneKeys: ['k1'] });
  await vi.waitFor(() => {
    expect(holder.status.keys).toBe(1);
  });
  expect(countByKey(await leases(holder, 10))).toEqual({ k2: 10 });
});

describe('a probe', () => {
  const pool = { heldForMs: 0, probeWanted: true, nextCooldownMs: 0 };
  const keys = [testKey('k1'), testKey('sick', { usable: false, generation: 3n })];
  const probe = { keyId: 'sick', generation: 9n, probeId: 4n };

  test('is asked for once, by a request that may be tried again, although slots are held', async () => {
    const broker = await startBroker({ keys });
    const holder = holderOf(broker.address);
    for (const one of await leases(holder, 4)) holder.release(one, 0);
    broker.probe = probe;
    broker.push({ pool, keys: [testKey('seen', { usable: false })[1].info] });
    await vi.waitFor(() => {
      expect(holder.status.keys).toBe(3);
    });
    expect(await lease(holder, { exclude: ['other'] })).toMatchObject({ keyId: 'k1', isProbe: false });
    const probing = await lease(holder);
    expect(probing).toMatchObject({ keyId: 'sick', isProbe: true, generation: 9n, secret: 'secret-of-sick' });
    const { takes } = broker;
    expect(await lease(holder)).toMatchObject({ keyId: 'k1', isProbe: false });
    expect(broker.takes).toBe(takes);
    holder.report(probing, { cause: 'success' });
    holder.report(probing, { cause: 'timeout' });
    holder.release(probing, 0);
    await vi.waitFor(() => {
      expect(broker.outcomes).toMatchObject([
        { keyId: 'sick', generation: 9n, probeId: 4n, cause: 'OUTCOME_CAUSE_SUCCESS' },
      ]);
    });
  });

  const cancelled = { keyId: 'sick', generation: 9n, probeId: 4n, cause: 'OUTCOME_CAUSE_CANCELLED' };

  test('that ends without a verdict is told to be cancelled', async () => {
    const broker = await startBroker({ keys, snapshot: { pool } });
    const holder = holderOf(broker.address);
    broker.probe = probe;
    holder.release(await lease(holder), 0);
    await vi.waitFor(() => {
      expect(broker.outcomes).toMatchObject([cancelled]);
    });
  });

  test('that comes for somebody who has left is told to be cancelled', async () => {
    const broker = await startBroker({ keys, snapshot: { pool } });
    const holder = holderOf(broker.address);
    await connected(holder);
    broker.mute();
    const leaving = new AbortController();
    const asked = holder.acquire(wish({ signal: leaving.signal }));
    await vi.waitFor(() => {
      expect(broker.takes).toBe(1);
    });
    leaving.abort();
    await asked;
    broker.probe = probe;
    broker.unmute();
    await vi.waitFor(() => {
      expect(broker.outcomes).toMatchObject([cancelled]);
    });
  });
});

test('equal successes of a tick are one, and failures are each told', async () => {
  const broker = await startBroker({ keys: [testKey('k1')] });
  const holder = holderOf(broker.address);
  for (const one of await leases(holder, 20)) holder.report(one, { cause: 'success' });
  for (const one of await leases(holder, 2)) holder.report(one, { cause: 'timeout', model: 'm' });
  await vi.waitFor(() => {
    const causes = broker.outcomes.map(({ cause }) => cause);
    expect(causes).toEqual(['OUTCOME_CAUSE_SUCCESS', 'OUTCOME_CAUSE_TIMEOUT', 'OUTCOME_CAUSE_TIMEOUT']);
  });
});

test('who leaves gives back at once what nobody uses', async () => {
  const broker = await startBroker({ keys: [testKey('k1', {}, 10)] });
  const holder = holderOf(broker.address);
  const [running, ...rest] = await leases(holder, 6);
  for (const one of rest) holder.release(one, 0);
  await holder[Symbol.asyncDispose]();
  await vi.waitFor(() => {
    expect(broker.free('k1')).toBe(9);
  });
  expect(await holder.acquire(wish())).toMatchObject({ reason: 'unavailable' });
  expect(running).toBeDefined();
});
