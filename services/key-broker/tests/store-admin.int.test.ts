import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NewKey, NewProxy, OwnedPoolStore } from '../src/app/pool-store.ts';
import { NEW_KEY_STATE } from '../src/domain/key-state.ts';
import { by, makeStoreWorld, NOW, oldBackup, oldBinding, oldProxy, textOf, type StoreWorld } from './store-world.ts';
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

const terms = {
  enableFailover: true,
  allowedModels: ['m'],
  slots: 7,
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
};
const newKey = (id: string, secret = `secret-of-${id}`): NewKey => ({ id, secret, terms });

describe('keys', () => {
  test('are added with their terms, each reported; names and secrets that are there already, or come twice, are refused', async () => {
    const { keys, backups } = world.pool();
    await keys.insertOne(oldKey('old'));
    await backups.insertOne(oldBackup('spare'));
    const lines = [
      newKey('a'),
      newKey('old', 'x'),
      newKey('b', 'secret-of-old'),
      newKey('spare', 'y'),
      newKey('c', 'secret-of-spare'),
      newKey('a', 'z'),
      newKey('d', 'secret-of-a'),
      newKey('e', ''),
      newKey('', 'v'),
      { ...newKey('off'), enabled: false },
    ];
    const expected = [
      { id: 'a', ok: true, reason: '' },
      { id: 'old', ok: false, reason: 'there is a key with this name' },
      { id: 'b', ok: false, reason: 'the key old is the same' },
      { id: 'spare', ok: false, reason: 'there is a backup key with this name' },
      { id: 'c', ok: false, reason: 'the backup key spare is the same' },
      { id: 'a', ok: false, reason: 'the name comes twice' },
      { id: 'd', ok: false, reason: 'it has the same key as a' },
      { id: 'e', ok: false, reason: 'it has no key' },
      { id: '', ok: false, reason: 'it has no name' },
      { id: 'off', ok: true, reason: '' },
    ];
    expect(await store.addKeys(lines, by, { dryRun: true })).toEqual(expected);
    expect(await keys.countDocuments()).toBe(1);
    expect(await store.addKeys(lines, by)).toEqual(expected);
    expect((await store.read()).keys).toMatchObject([
      {
        id: 'a',
        secret: 'secret-of-a',
        terms,
        state: { ...NEW_KEY_STATE, enableFailover: true },
        createdAtMs: NOW,
        tokensUsed: 0,
        changedByHand: false,
      },
      { id: 'off', state: { enabled: false } },
      { id: 'old' },
    ]);
    expect(await store.addKeys([newKey('again', 'secret-of-a')], by)).toMatchObject([{ ok: false }]);
    expect((await store.listHistory({ keyId: 'a', limit: 5 })).entries).toMatchObject([
      { cause: 'add', from: 'gone', to: 'healthy', actor: 'operator' },
    ]);
    expect(await textOf(world)).not.toMatch(/secret-of-(a|off)/);
  });

  test('that somebody else inserts at the same moment are found, not fatal', async () => {
    const lines = Array.from({ length: 50 }, (_, at) => newKey(`k-${at}`));
    const results = await Promise.all([
      store.addKeys(lines, by),
      world.storeOf().importKeys(lines, by),
      world.storeOf().importKeys(lines, by),
    ]);
    expect(results.flat().filter(({ ok }) => ok)).toHaveLength(50);
    expect(await world.pool().keys.countDocuments()).toBe(50);
  });

  test('are edited in what is named; an emptied term is the default again', async () => {
    await store.addKeys([newKey('a'), newKey('b')], by);
    expect(
      await store.editKey('a', { secret: 'other', terms: { slots: undefined, tokensPerMinute: 900 } }, by),
    ).toMatchObject({
      id: 'a',
      secret: 'other',
      terms: { ...terms, slots: undefined, tokensPerMinute: 900 },
      changedByHand: false,
    });
    await expect(store.editKey('a', { secret: 'secret-of-b' }, by)).rejects.toMatchObject({ code: 'already_exists' });
    expect(await store.editKey('nobody', {}, by)).toBeUndefined();
    expect((await store.listHistory({ keyId: 'a', limit: 1 })).entries).toMatchObject([
      { cause: 'edit', actor: 'operator', message: 'its secret, slots, tokensPerMinute' },
    ]);
  });

  test('are deleted with their bindings', async () => {
    const { bindings, proxies, keys } = world.pool();
    await store.addKeys([newKey('a'), newKey('b')], by);
    await proxies.insertOne(oldProxy('p'));
    await bindings.insertMany([oldBinding('a', 'p'), oldBinding('b', 'p')]);
    expect(await store.deleteKeys(['a', 'nobody'], by)).toEqual({
      results: [
        { id: 'a', ok: true, reason: '' },
        { id: 'nobody', ok: false, reason: 'there is no such key' },
      ],
      bindingsDeleted: 1,
    });
    expect([await keys.distinct('_id'), await bindings.distinct('ohmygptKeyId')]).toEqual([['b'], ['b']]);
    expect((await store.listHistory({ limit: 1 })).entries).toMatchObject([
      { keyId: 'a', cause: 'delete', from: 'healthy', to: 'gone' },
    ]);
  });

  test('come by 1,000 at most', async () => {
    const lines = Array.from({ length: 1_001 }, (_, at) => newKey(`k-${at}`));
    await expect(store.addKeys(lines, by)).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

test(
  '30,000 keys are added in a minute, 1,000 at a time, and again they are all refused',
  { timeout: 120_000 },
  async () => {
    const lines = Array.from({ length: 30_000 }, (_, at) => newKey(`key-${at}`));
    const startedMs = performance.now();
    let added = 0;
    for (let at = 0; at < lines.length; at += 1_000) {
      added += (await store.addKeys(lines.slice(at, at + 1_000), by)).filter(({ ok }) => ok).length;
    }
    expect(added).toBe(30_000);
    expect(performance.now() - startedMs).toBeLessThan(60_000);
    const again = await store.addKeys(lines.slice(-1_000), by);
    expect(again.some(({ ok }) => ok)).toBe(false);
    expect((await store.load()).keys).toHaveLength(30_000);
  },
);

test('backup keys are added, edited and deleted; one that was used cannot be taken back then', async () => {
  await store.addKeys([newKey('a')], by);
  const backup = (id: string, secret = `secret-of-${id}`) => ({ id, secret, enableFailover: undefined });
  expect(await store.addBackups([backup('x'), backup('y'), backup('a', 'q'), backup('z', 'secret-of-a')], by)).toEqual([
    { id: 'x', ok: true, reason: '' },
    { id: 'y', ok: true, reason: '' },
    { id: 'a', ok: false, reason: 'there is a key with this name' },
    { id: 'z', ok: false, reason: 'the key a is the same' },
  ]);
  expect(await store.editBackup('y', { secret: 'other', enableFailover: false }, by)).toMatchObject({
    apiKey: 'other',
    enableFailover: false,
    isUsed: false,
  });
  expect(await store.editBackup('y', { enableFailover: undefined }, by)).toMatchObject({
    apiKey: 'other',
    enableFailover: undefined,
  });
  expect(await store.editBackup('nobody', {}, by)).toBeUndefined();
  const state = NEW_KEY_STATE;
  await store.rotate({ oldId: 'a', cause: 'rotate', actor: 'operator', nowMs: NOW, state });
  await expect(store.editBackup('x', { secret: 'new' }, by)).rejects.toMatchObject({ code: 'failed_precondition' });
  expect(await store.deleteBackups(['x', 'nobody'], by)).toMatchObject([{ ok: true }, { ok: false }]);
  await expect(store.restore({ ...by, backupId: 'x' })).rejects.toMatchObject({ code: 'not_found' });
  expect(await world.pool().archive.countDocuments()).toBe(0);
  expect((await store.read()).keys).toMatchObject([{ id: 'x', secret: 'secret-of-x' }]);
});

test('proxies are added, edited and deleted with the bindings of all pools', async () => {
  const proxy = (id: string, change: Partial<NewProxy> = {}): NewProxy => ({
    id,
    name: id,
    type: 'http',
    host: 'proxy.example',
    port: 8080,
    isActive: true,
    ...change,
  });
  const withUser = proxy('b', { username: 'u', password: 'pass-of-b' });
  expect(
    await store.addProxies([proxy('a'), withUser, proxy('a', { port: 1 }), proxy('c', { host: 'PROXY.example' })], by),
  ).toEqual([
    { id: 'a', ok: true, reason: '' },
    { id: 'b', ok: true, reason: '' },
    { id: 'a', ok: false, reason: 'the id comes twice' },
    { id: 'c', ok: false, reason: 'it is the same as a' },
  ]);
  expect(await textOf(world)).not.toContain('pass-of-b');
  expect((await store.read()).proxies).toMatchObject([{ id: 'a' }, { ...withUser, health: {} }]);
  const edited = await store.editProxy('b', { username: '', password: '', port: 3128 }, by);
  expect(edited).toEqual({
    id: 'b',
    name: 'b',
    type: 'http',
    host: 'proxy.example',
    port: 3128,
    isActive: true,
    health: {},
  });
  expect(await store.editProxy('nobody', {}, by)).toBeUndefined();

  await store.addKeys([newKey('k')], by);
  await store.setBinding({ keyId: 'k', proxyId: 'a' }, by);
  await world.pool('openhands').bindings.insertOne({ _id: '1', openhandsKeyId: 'o', proxyId: 'a' });
  expect(await store.deleteProxies(['a', 'nobody'], by)).toEqual({
    results: [
      { id: 'a', ok: true, reason: '' },
      { id: 'nobody', ok: false, reason: 'there is no such proxy' },
    ],
    bindingsDeleted: 2,
  });
});

describe('bindings', () => {
  test('are made once, changed after that, and deleted', async () => {
    await store.addKeys([newKey('k')], by);
    await world.pool().proxies.insertOne(oldProxy('p'));
    const pair = { keyId: 'k', proxyId: 'p' };
    const made = await store.setBinding(pair, by);
    expect(made).toMatchObject({ ...pair, priority: 1, isActive: true, createdAtMs: NOW });
    const later = { ...by, nowMs: NOW + 5 };
    expect(await store.setBinding({ ...pair, priority: 4 }, later)).toEqual({
      ...made,
      priority: 4,
      updatedAtMs: NOW + 5,
    });
    expect(await store.setBinding({ ...pair, isActive: false }, later)).toMatchObject({ priority: 4, isActive: false });
    await expect(store.setBinding({ keyId: 'x', proxyId: 'p' }, by)).rejects.toMatchObject({ code: 'not_found' });
    await expect(store.setBinding({ keyId: 'k', proxyId: 'x' }, by)).rejects.toMatchObject({ code: 'not_found' });
    expect(await store.deleteBinding(pair, by)).toBe(true);
    expect(await store.deleteBinding(pair, by)).toBe(false);
    const { entries } = await store.listHistory({ keyId: 'k', limit: 9 });
    expect(entries.map(({ cause }) => cause)).toEqual(['unbind', 'bind', 'bind', 'bind', 'add']);
  });

  test('whose key is gone go to its replacement, however often it was replaced; the rest is deleted', async () => {
    const { keys, backups, bindings, proxies } = world.pool();
    await proxies.insertMany(['p', 'q', 'r'].map((id, at) => oldProxy(id, { port: 1 + at })));
    await keys.insertMany([oldKey('first'), oldKey('well')]);
    await backups.insertMany([oldBackup('second'), oldBackup('third', { createdAt: new Date() })]);
    const order = { cause: 'auth', actor: 'x', nowMs: NOW, state: NEW_KEY_STATE } as const;
    await store.rotate({ ...order, oldId: 'first' });
    await store.rotate({ ...order, oldId: 'second' });
    await bindings.insertMany([
      oldBinding('well', 'p'),
      oldBinding('well', 'gone'),
      oldBinding('first', 'p'),
      oldBinding('second', 'q'),
      oldBinding('second', 'p'),
      oldBinding('third', 'r'),
      oldBinding('first', 'r'),
      oldBinding('nobody', 'p'),
    ]);
    expect(await store.repairBindings(by)).toEqual({ checked: 8, repaired: 2, deleted: 4 });
    const left = (await store.read()).bindings.map(({ keyId, proxyId }) => `${keyId}>${proxyId}`);
    expect(left.toSorted()).toEqual(['third>p', 'third>q', 'third>r', 'well>p']);
    expect(await store.repairBindings(by)).toEqual({ checked: 4, repaired: 0, deleted: 0 });
  });
});
