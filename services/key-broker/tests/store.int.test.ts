import { Decimal128, Long, ObjectId } from 'mongodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HistoryRecord, OwnedPoolStore } from '../src/app/pool-store.ts';
import { NEW_KEY_STATE, NOTHING_IN_A_ROW, type KeyState } from '../src/domain/key-state.ts';
import { NEW_PROXY_HEALTH, type ProxyHealth } from '../src/domain/proxy-health.ts';
import { createPoolIndexes } from '../src/store/pool-indexes.ts';
import {
  makeStoreWorld,
  NOW,
  oldBackup,
  oldBinding,
  oldProxy,
  PROVIDERS,
  textOf,
  type StoreWorld,
} from './store-world.ts';
import { oldKey } from './old-key.ts';

let world: StoreWorld;
let store: OwnedPoolStore;
beforeEach(async () => {
  world = await makeStoreWorld();
  ({ store } = await world.own());
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const keyNamed = async (id: string) => (await store.read()).keys.find((key) => key.id === id);

describe('documents of older systems', () => {
  test('are read as they are, with the defaults for what came later', async () => {
    await world.pool().keys.insertOne(oldKey('a'));
    expect((await store.load()).keys).toEqual([
      {
        id: 'a',
        secret: 'secret-of-a',
        state: NEW_KEY_STATE,
        terms: {
          enableFailover: false,
          allowedModels: undefined,
          slots: undefined,
          requestsPerMinute: undefined,
          tokensPerMinute: undefined,
        },
        replacedKey: undefined,
        createdAtMs: Date.parse('2025-01-01'),
        lastUsedAtMs: undefined,
        tokensUsed: 12_345,
        requestsCount: 67,
        changedByHand: true,
      },
    ]);
  });

  test('may have numbers of every type, dates as text, and ids that are ObjectIds or numbers', async () => {
    const [keyId, proxyId] = [new ObjectId(), new ObjectId()];
    const { keys, backups, bindings, proxies } = world.pool();
    await keys.insertMany([
      oldKey('text', { tokensUsed: '12', slots: '7', createdAt: '2025-01-01T00:00:00Z' }),
      oldKey('decimal', { tokensUsed: Decimal128.fromString('13'), slots: Long.fromNumber(8), createdAt: undefined }),
      oldKey('x', { _id: keyId, tokensUsed: 14.0, requestsCount: 'many', slots: 0 }),
      oldKey('n', { _id: 5 }),
    ]);
    await backups.insertOne(oldBackup('x', { _id: new ObjectId(), isUsed: undefined }));
    await proxies.insertOne(oldProxy(proxyId, { port: '3128', type: 'SOCKS5', status: 'active' }));
    await bindings.insertOne(oldBinding(keyId, proxyId, { _id: new ObjectId(), priority: '99' }));
    const records = await store.load();
    expect(records.keys.find(({ id }) => id === 'text')).toMatchObject({
      tokensUsed: 12,
      terms: { slots: 7 },
      createdAtMs: Date.parse('2025-01-01'),
    });
    expect(records.keys.find(({ id }) => id === 'decimal')).toMatchObject({ tokensUsed: 13, terms: { slots: 8 } });
    expect(records.keys.find(({ id }) => id === keyId.toHexString())).toMatchObject({
      tokensUsed: 14,
      requestsCount: 0,
      terms: { slots: undefined },
    });
    expect(records.keys.map(({ id }) => id)).toContain('5');
    expect(records.backups).toMatchObject([{ isUsed: false, activated: false }]);
    expect(records.proxies).toMatchObject([{ id: proxyId.toHexString(), port: 3128, type: 'socks5', health: {} }]);
    expect(records.bindings).toMatchObject([
      { keyId: keyId.toHexString(), proxyId: proxyId.toHexString(), priority: 10 },
    ]);
    expect(world.faults).toEqual([]);
    // and are found again under these names
    const id = keyId.toHexString();
    await store.addUse([{ keyId: id, tokens: 6, requests: 2, lastUsedAtMs: NOW }], { incarnation: 'i', seq: 1 });
    expect(await keyNamed(id)).toMatchObject({ tokensUsed: 20, requestsCount: 2, lastUsedAtMs: NOW });
    const pair = { keyId: id, proxyId: proxyId.toHexString() };
    const by = { actor: 'a', nowMs: NOW };
    expect(await store.setBinding({ ...pair, priority: 2 }, by)).toMatchObject({ ...pair, priority: 2 });
    expect(await store.deleteKeys([id, '5'], by)).toMatchObject({
      results: [{ ok: true }, { ok: true }],
      bindingsDeleted: 1,
    });
  });

  test('that cannot be read cost only themselves, and their fault tells nothing of the secret', async () => {
    const { keys, proxies } = world.pool();
    await keys.insertMany([
      oldKey('good'),
      oldKey('no-secret', { apiKey: '' }),
      oldKey('strange', { status: 'strange' }),
      oldKey('text', { isEnabled: 'yes' }),
      oldKey('half', { slots: 0.5 }),
      oldKey('lost', { apiKey: 'omg1:other:AAAA' }),
    ]);
    await proxies.insertMany([oldProxy('good'), oldProxy('portless', { port: undefined })]);
    const { keys: read, proxies: readProxies } = await store.load();
    expect([read.map(({ id }) => id), readProxies.map(({ id }) => id)]).toEqual([['good'], ['good']]);
    expect(world.faults.map((fault) => fault.split(':')[0])).toEqual([
      ...['half', 'lost', 'no-secret', 'strange', 'text'].map((id) => `ohmygpt_keys/${id}`),
      'proxies/portless',
    ]);
    expect(world.faults.join()).not.toContain('secret-of');
  });

  test('that bind a key to a proxy twice do not keep the index from being made: the better binding stays', async () => {
    const { bindings } = world.pool();
    await bindings.dropIndexes();
    await bindings.insertMany([
      oldBinding('a', 'p', { _id: '1', priority: 1, isActive: false }),
      oldBinding('a', 'p', { _id: '2', priority: 5 }),
      oldBinding('a', 'p', { _id: '3', priority: 4 }),
      oldBinding('a', 'q', { _id: '4' }),
    ]);
    await createPoolIndexes(world.mongo, PROVIDERS, () => undefined);
    expect((await bindings.find().toArray()).map(({ _id }) => _id)).toEqual(['3', '4']);
    await expect(bindings.insertOne(oldBinding('a', 'p', { _id: '5' }))).rejects.toMatchObject({ code: 11_000 });
  });
});

const state: KeyState = {
  status: 'rate_limited',
  enabled: true,
  paused: true,
  enableFailover: false,
  endpoint: 'backup',
  generation: 12_345_678_901_234_567n,
  cooldownUntilMs: NOW + 5_000,
  primaryRetryAtMs: NOW + 9_000,
  probe: { endpoint: 'primary', generation: 3n, untilMs: NOW },
  inARow: { ...NOTHING_IN_A_ROW, rateLimits: 3 },
  deniedModels: new Map([['gpt-4.1', NOW + 1]]),
  lastError: 'too many',
};
const entry: HistoryRecord = {
  keyId: 'a',
  cause: 'rate_limited',
  from: 'healthy',
  to: 'rate_limited',
  generation: 12_345_678_901_234_567n,
  actor: 'key-broker',
  atMs: NOW,
};

describe('the state of a key', () => {
  test('is read as it was written, probes aside; unknown fields stay', async () => {
    const { keys } = world.pool();
    await keys.insertOne(oldKey('a', { note: 'of Ann' }));
    expect(
      await store.writeStates({
        states: [
          { id: 'a', state },
          { id: 'nobody', state },
        ],
        history: [entry],
      }),
    ).toEqual([]);
    expect(await keyNamed('a')).toMatchObject({ state: { ...state, probe: undefined }, changedByHand: false });
    expect(await keys.findOne({ _id: 'a' })).toMatchObject({
      note: 'of Ann',
      status: 'rate_limited',
      cooldownUntil: new Date(NOW + 5_000),
      lastError: 'too many',
      isEnabled: true,
      tokensUsed: 12_345,
    });
    expect((await store.listHistory({ keyId: 'a', limit: 5 })).entries).toEqual([entry]);
    expect(await keys.countDocuments()).toBe(1);
  });

  test('that somebody changes by hand is known as such, wins, and is not written over before it was read', async () => {
    const { keys } = world.pool();
    await keys.insertMany([oldKey('a'), oldKey('b')]);
    await store.load();
    const write = async (status: KeyState['status']): Promise<readonly string[]> =>
      await store.writeStates({
        states: ['a', 'b'].map((id) => ({ id, state: { ...NEW_KEY_STATE, status } })),
        history: [],
      });
    expect(await write('error')).toEqual([]);
    await keys.updateOne({ _id: 'a' }, { $set: { isEnabled: false } });
    expect(await write('exhausted')).toEqual(['a']);
    expect(await keys.findOne({ _id: 'a' })).toMatchObject({ status: 'error', isEnabled: false });
    expect(await keys.findOne({ _id: 'b' })).toMatchObject({ status: 'exhausted', isEnabled: true });
    expect(await keyNamed('a')).toMatchObject({ changedByHand: true, state: { enabled: false, status: 'error' } });
    // the pool has taken it over
    expect(await write('healthy')).toEqual([]);
    expect(await keyNamed('a')).toMatchObject({ changedByHand: false, state: { enabled: true, status: 'healthy' } });
    await keys.updateOne({ _id: 'a' }, { $set: { status: 'exhausted' } });
    expect(await keyNamed('a')).toMatchObject({
      changedByHand: true,
      state: { status: 'exhausted', cooldownUntilMs: NOW + 24 * 3_600_000 },
    });
  });

  test('that an older system changes between its reading and the first writing is not written over either', async () => {
    const { keys } = world.pool();
    await keys.insertOne(oldKey('a'));
    await store.load();
    await keys.updateOne({ _id: 'a' }, { $set: { isEnabled: false } });
    expect(await store.writeStates({ states: [{ id: 'a', state }], history: [] })).toEqual(['a']);
    expect(await keys.findOne({ _id: 'a' })).toMatchObject({ status: 'healthy', isEnabled: false });
  });
});

test('what is plain is read, and sealed by any write of its document; nothing plain is in the database then', async () => {
  const { keys, backups, proxies, bindings } = world.pool();
  await keys.insertMany(['state', 'use', 'edit', 'rotate'].map((name) => oldKey(name)));
  await backups.insertMany([oldBackup('spare'), oldBackup('edit-spare', { createdAt: new Date() })]);
  await proxies.insertMany([
    oldProxy('health', { username: 'u', password: 'secret-of-health' }),
    oldProxy('edit', { port: 1, password: 'secret-of-proxy' }),
  ]);
  await bindings.insertOne(oldBinding('rotate', 'health'));
  const by = { actor: 'operator', nowMs: NOW };
  const before = await store.load();
  await store.writeStates({ states: [{ id: 'state', state }], history: [entry] });
  await store.addUse([{ keyId: 'use', tokens: 1, requests: 1, lastUsedAtMs: NOW }], { incarnation: 'i', seq: 1 });
  await store.editKey('edit', { terms: { slots: 3 } }, by);
  await store.rotate({ oldId: 'rotate', cause: 'quota', actor: 'x', nowMs: NOW, state });
  await store.editBackup('edit-spare', { enableFailover: true }, by);
  await store.writeProxyHealth('health', NEW_PROXY_HEALTH);
  await store.editProxy('edit', { isActive: false }, by);
  expect(await textOf(world)).not.toContain('secret-of');
  const after = await store.read();
  expect(after.proxies.map(({ password }) => password)).toEqual(before.proxies.map(({ password }) => password));
  expect(after.backups.map(({ apiKey }) => apiKey)).toEqual(['secret-of-edit-spare', 'secret-of-spare']);
  expect(after.keys.map(({ secret }) => secret)).toEqual(
    ['edit', 'spare', 'state', 'use'].map((name) => `secret-of-${name}`),
  );
});

describe('use', () => {
  const use = (tokens: number) => [{ keyId: 'a', tokens, requests: 1, lastUsedAtMs: NOW + tokens }];

  test('is counted once, with its position, whatever was stored before', async () => {
    const { keys } = world.pool();
    await keys.insertMany([
      oldKey('a', { tokensUsed: 'much', requestsCount: null, lastUsedAt: undefined }),
      oldKey('b'),
    ]);
    await store.addUse(use(10), { incarnation: 'i', seq: 5 });
    await store.addUse(use(10), { incarnation: 'i', seq: 5 });
    await store.addUse(use(99), { incarnation: 'i', seq: 4 });
    expect(await keyNamed('a')).toMatchObject({ tokensUsed: 10, requestsCount: 1, lastUsedAtMs: NOW + 10 });
    await store.addUse([...use(2), ...use(3), { keyId: 'b', tokens: 1, requests: 1, lastUsedAtMs: 0 }], {
      incarnation: 'i',
      seq: 8,
    });
    // another stream of that name begins at 1 again
    await store.addUse(use(1), { incarnation: 'j', seq: 1 });
    expect(await keyNamed('a')).toMatchObject({ tokensUsed: 16, requestsCount: 4, lastUsedAtMs: NOW + 10 });
    expect(await keyNamed('b')).toMatchObject({ tokensUsed: 12_346, requestsCount: 68, lastUsedAtMs: 0 });
  });

  test('of a key that was rotated away goes with it, and is there when it comes back', async () => {
    const { keys, backups } = world.pool();
    await keys.insertOne(oldKey('a', { tokensUsed: 0 }));
    await backups.insertOne(oldBackup('new'));
    await store.rotate({ oldId: 'a', cause: 'quota', actor: 'x', nowMs: NOW, state });
    await store.addUse(use(7), { incarnation: 'i', seq: 1 });
    expect(await store.restore({ backupId: 'new', actor: 'x', nowMs: NOW })).toMatchObject({
      restored: { tokensUsed: 7 },
    });
  });
});

describe('the health of a proxy', () => {
  const dead: ProxyHealth = {
    results: [],
    cooldownUntilMs: NOW + 9,
    nextCheckAtMs: NOW + 9,
    lastError: 'refused',
  };
  const well: ProxyHealth = {
    results: [false, true],
    cooldownUntilMs: undefined,
    nextCheckAtMs: NOW,
    lastError: undefined,
  };

  test('is one of each pool, and its status sums them up; other values of the field are replaced', async () => {
    const { proxies } = world.pool();
    await proxies.insertOne(oldProxy('p', { health: 'good', status: 'active' }));
    const { store: other } = await world.own('openhands');
    const statusAfter = async (of: OwnedPoolStore, health: ProxyHealth): Promise<unknown> => {
      await of.writeProxyHealth('p', health);
      return (await proxies.findOne({ _id: 'p' }))?.['status'];
    };
    expect(await statusAfter(store, well)).toBe('healthy');
    expect(await statusAfter(other, dead)).toBe('degraded');
    expect((await store.read()).proxies).toMatchObject([{ health: { ohmygpt: well, openhands: dead } }]);
    expect(await statusAfter(store, dead)).toBe('dead');
    await store.writeProxyHealth('nobody', dead);
    expect(await proxies.countDocuments()).toBe(1);
  });
});

test('holders are known until they are removed, each by its pool', async () => {
  const { store: other } = await world.own('openhands');
  await store.addHolder('e1');
  await store.addHolder('e2');
  await store.addHolder('e2');
  await other.addHolder('e1');
  await store.removeHolders(['e1']);
  expect((await store.read()).holders).toEqual(['e2']);
  expect((await other.load()).holders).toEqual(['e1']);
});

test('the history is read page by page, the newest first', async () => {
  const entries = Array.from({ length: 5 }, (_, at) => ({ ...entry, keyId: at % 2 === 0 ? 'a' : 'b', atMs: NOW + at }));
  await store.writeStates({ states: [], history: entries });
  const first = await store.listHistory({ limit: 2 });
  const second = await store.listHistory({ limit: 3, before: first.next ?? '' });
  expect([...first.entries, ...second.entries].map(({ atMs }) => atMs - NOW)).toEqual([4, 3, 2, 1, 0]);
  expect(second.next).toBeUndefined();
  expect((await store.listHistory({ keyId: 'b', limit: 9 })).entries.map(({ atMs }) => atMs - NOW)).toEqual([3, 1]);
});

test('who has lost the pool writes nothing more', async () => {
  const { owned, store: mine, leave } = await world.own('openhands');
  const { keys } = world.pool('openhands');
  await keys.insertOne(oldKey('a'));
  await mine.addUse([{ keyId: 'a', tokens: 1, requests: 1, lastUsedAtMs: NOW }], { incarnation: 'i', seq: 7 });
  await leave();
  const { store: next } = await world.own('openhands');
  expect(next.usePosition).toEqual({ incarnation: 'i', seq: 7 });
  expect(owned.isMine()).toBe(false);
  await expect(mine.writeStates({ states: [{ id: 'a', state }], history: [] })).rejects.toMatchObject({
    code: 'not_owner',
  });
  expect(await keys.findOne({ _id: 'a' })).toMatchObject({ status: 'healthy' });
});
