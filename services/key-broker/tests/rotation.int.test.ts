import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OwnedPoolStore } from '../src/app/pool-store.ts';
import { NEW_KEY_STATE, type KeyState } from '../src/domain/key-state.ts';
import { USED_BACKUP_TTL_MS } from '../src/domain/rotation-plan.ts';
import {
  box,
  by,
  makeStoreWorld,
  NOW,
  oldBackup,
  oldBinding,
  oldProxy,
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

const blocked: KeyState = { ...NEW_KEY_STATE, status: 'exhausted', cooldownUntilMs: NOW + 9, generation: 5n };
const orderFor = (oldId: string) =>
  ({ oldId, cause: 'auth', actor: 'key-broker', nowMs: NOW, state: blocked }) as const;
const range = (count: number, name: string): string[] => Array.from({ length: count }, (_, at) => `${name}-${at}`);

describe('a rotation', () => {
  test('puts the backup key in the place of the old one, with its terms and its bindings', async () => {
    const { keys, backups, bindings, proxies, archive } = world.pool();
    await keys.insertOne(
      oldKey('old', { enableFailover: true, slots: 7, allowedModels: ['m'], requestsPerMinute: 60n, note: 'of Ann' }),
    );
    await backups.insertMany([oldBackup('later', { createdAt: new Date() }), oldBackup('first')]);
    await proxies.insertMany([oldProxy('p'), oldProxy('q', { port: 1 })]);
    await bindings.insertMany([oldBinding('old', 'p', { priority: 3 }), oldBinding('old', 'q', { isActive: false })]);
    const rotated = await store.rotate(orderFor('old'));
    expect(rotated).toMatchObject({
      oldId: 'old',
      successor: {
        id: 'first',
        secret: 'secret-of-first',
        replacedKey: 'old',
        terms: { enableFailover: true, slots: 7, allowedModels: ['m'], requestsPerMinute: 60 },
        state: { status: 'healthy', enabled: true, enableFailover: true },
        changedByHand: false,
      },
      bindings: [
        { proxyId: 'p', keyId: 'first', priority: 3, isActive: true },
        { proxyId: 'q', keyId: 'first', isActive: false },
      ],
    });
    const records = await store.read();
    expect(records.keys.map(({ id }) => id)).toEqual(['first']);
    expect(records.backups.find(({ id }) => id === 'first')).toMatchObject({
      isUsed: true,
      activated: true,
      usedFor: 'old',
      usedAtMs: NOW,
    });
    expect(records.backups.find(({ id }) => id === 'later')).toMatchObject({ isUsed: false });
    const archived = await archive.findOne({ _id: 'old' });
    expect(archived).toMatchObject({ note: 'of Ann', status: 'exhausted', tokensUsed: 12_345 });
    expect(box.open(String(archived?.['apiKey']))).toBe('secret-of-old');
    expect(await store.listHistory({ limit: 9 })).toEqual({
      entries: [
        {
          keyId: 'old',
          cause: 'auth',
          from: 'exhausted',
          to: 'gone',
          generation: 5n,
          actor: 'key-broker',
          atMs: NOW,
          message: 'replaced by first',
        },
      ],
    });
    expect((await textOf(world)).replaceAll('secret-of-later', '')).not.toContain('secret-of');
  });

  test('fifty at once use each of fifty backup keys once, and every binding moves with its key', async () => {
    const { keys, backups, bindings, proxies } = world.pool();
    const [old, spare] = [range(50, 'old'), range(50, 'spare')];
    await keys.insertMany(old.map((name) => oldKey(name)));
    await backups.insertMany(spare.map((name) => oldBackup(name)));
    await proxies.insertMany([oldProxy('p'), oldProxy('q', { port: 1 })]);
    await bindings.insertMany(old.flatMap((name) => ['p', 'q'].map((proxy) => oldBinding(name, proxy))));
    const rotated = await Promise.all(old.map(async (oldId) => await store.rotate(orderFor(oldId))));
    expect(new Set(rotated.map((one) => one?.successor.id))).toEqual(new Set(spare));
    const records = await store.read();
    expect(new Set(records.keys.map(({ id }) => id))).toEqual(new Set(spare));
    expect(new Set(records.keys.map(({ replacedKey }) => replacedKey))).toEqual(new Set(old));
    for (const { id, usedFor, activated } of records.backups) {
      expect(activated).toBe(true);
      expect(records.keys.find((key) => key.id === id)?.replacedKey).toBe(usedFor);
      expect(records.bindings.filter(({ keyId }) => keyId === id).map(({ proxyId }) => proxyId)).toEqual(['p', 'q']);
    }
    expect(records.bindings).toHaveLength(100);
    await keys.insertOne(oldKey('one-more'));
    expect(await store.rotate(orderFor('one-more'))).toBeUndefined();
    expect(await keys.countDocuments({ _id: 'one-more' })).toBe(1);
  });

  test('asked for again gives the same answer and uses no further backup key', async () => {
    const { keys, backups } = world.pool();
    await keys.insertOne(oldKey('old'));
    await backups.insertMany([oldBackup('a'), oldBackup('b')]);
    const first = await store.rotate(orderFor('old'));
    expect(await store.rotate(orderFor('old'))).toEqual(first);
    expect(await backups.countDocuments({ isUsed: true })).toBe(1);
    await expect(store.rotate(orderFor('nobody'))).rejects.toMatchObject({ code: 'not_found' });
  });

  test('passes over backup keys that cannot be used: unreadable ones, and those whose name the pool has', async () => {
    const { keys, backups } = world.pool();
    await keys.insertMany([oldKey('old'), oldKey('taken')]);
    await backups.insertMany([
      oldBackup('empty', { apiKey: '' }),
      oldBackup('strange', { apiKey: 'omg1:unknown:AAAA' }),
      oldBackup('taken'),
      ...range(120, 'taken').map((name) => oldBackup(name)),
      oldBackup('good', { createdAt: new Date() }),
    ]);
    await keys.insertMany(range(120, 'taken').map((name) => oldKey(name)));
    expect((await store.rotate(orderFor('old')))?.successor.id).toBe('good');
    expect(world.faults.join(' ')).toMatch(/empty.*strange/);
  });

  test('of a key that came back by hand under its old name keeps the newer one', async () => {
    const { keys, backups } = world.pool();
    await backups.insertMany([oldBackup('a'), oldBackup('b', { createdAt: new Date() })]);
    await keys.insertOne(oldKey('old', { apiKey: 'earlier' }));
    await store.rotate(orderFor('old'));
    await keys.insertOne(oldKey('old', { apiKey: 'newer' }));
    await store.rotate(orderFor('old'));
    expect(await store.restore({ ...by, backupId: 'b' })).toMatchObject({ restored: { id: 'old', secret: 'newer' } });
  });
});

describe('what an older system left half done', () => {
  const halves: Readonly<Record<string, () => Promise<void>>> = {
    'the backup key is claimed': async () => {
      const { keys, backups, bindings } = world.pool();
      await keys.insertOne(oldKey('old', { slots: 7 }));
      await backups.insertOne(oldBackup('new', { isUsed: true, usedFor: 'old', usedAt: new Date(NOW) }));
      await bindings.insertOne(oldBinding('old', 'p'));
    },
    'the successor is there beside the old key': async () => {
      const { keys, backups, bindings } = world.pool();
      await keys.insertMany([oldKey('old', { slots: 7 }), oldKey('new', { replacedKey: 'old', slots: 7 })]);
      await backups.insertOne(oldBackup('new', { isUsed: true, usedFor: 'old', usedAt: new Date(NOW) }));
      await bindings.insertMany([oldBinding('new', 'p'), oldBinding('old', 'p', { _id: 'second' })]);
    },
    'the old key is gone, its bindings are not moved': async () => {
      const { keys, backups, bindings } = world.pool();
      await keys.insertOne(oldKey('new', { replacedKey: 'old', slots: 7 }));
      await backups.insertOne(oldBackup('new', { isUsed: true, usedFor: 'old', usedAt: new Date(NOW) }));
      await bindings.insertOne(oldBinding('old', 'p'));
    },
    'the document does not know `activated`, and the old key is there': async () => {
      const { keys, backups, bindings } = world.pool();
      await keys.insertOne(oldKey('old', { slots: 7 }));
      const { activated: _, ...backup } = oldBackup('new', { isUsed: true, usedFor: 'old', usedAt: new Date(NOW) });
      await backups.insertOne({ ...backup, _id: 'new' });
      await bindings.insertOne(oldBinding('old', 'p'));
    },
  };

  test.each(Object.keys(halves))('is completed by the next owner: %s', async (half) => {
    await world.pool().proxies.insertOne(oldProxy('p'));
    await halves[half]?.();
    const { keys, bindings, backups } = await store.load();
    expect(keys).toMatchObject([{ id: 'new', secret: 'secret-of-new', replacedKey: 'old', terms: { slots: 7 } }]);
    expect(bindings).toMatchObject([{ keyId: 'new', proxyId: 'p' }]);
    expect(backups).toMatchObject([{ id: 'new', isUsed: true, usedFor: 'old' }]);
    expect(await world.pool().backups.countDocuments({ activated: false })).toBe(0);
    const { entries } = await store.listHistory({ limit: 9 });
    expect(entries).toMatchObject([{ keyId: 'old', cause: 'rotate', to: 'gone' }]);
    await store.load();
    expect((await store.listHistory({ limit: 9 })).entries).toEqual(entries);
  });

  test('long ago, in documents that do not know `activated`, brings no key back', async () => {
    const { keys, backups } = world.pool();
    await keys.insertOne(oldKey('other'));
    const { activated: _, ...backup } = oldBackup('dead', { isUsed: true, usedFor: 'old', usedAt: new Date(0) });
    await backups.insertOne({ ...backup, _id: 'dead' });
    expect((await store.load()).keys.map(({ id }) => id)).toEqual(['other']);
    expect(await store.expireBackups(NOW, USED_BACKUP_TTL_MS)).toBe(1);
  });

  test('and cannot be read stops nobody', async () => {
    const { keys, backups } = world.pool();
    await keys.insertOne(oldKey('old'));
    await backups.insertOne(oldBackup('new', { isUsed: true, usedFor: 'old', apiKey: 'omg1:unknown:AAAA' }));
    expect((await store.load()).keys).toMatchObject([{ id: 'old' }]);
    expect(world.faults.join()).toContain('ohmygpt_backup_keys/new');
  });
});

describe('a rotation that is taken back', () => {
  test('gives the old key its place and bindings, as it was but well, and the backup key is unused', async () => {
    const { keys, backups, bindings, proxies, archive } = world.pool();
    await keys.insertOne(oldKey('old', { slots: 7, isEnabled: true, note: 'of Ann' }));
    await backups.insertOne(oldBackup('new'));
    await proxies.insertOne(oldProxy('p'));
    await bindings.insertOne(oldBinding('old', 'p'));
    await store.rotate(orderFor('old'));
    const back = await store.restore({ ...by, backupId: 'new' });
    expect(back).toMatchObject({
      restored: {
        id: 'old',
        secret: 'secret-of-old',
        terms: { slots: 7 },
        state: { status: 'healthy' },
        tokensUsed: 12_345,
      },
      removedId: 'new',
      bindings: [{ keyId: 'old', proxyId: 'p' }],
    });
    // leases of before are nobody's
    if ('refused' in back) throw new Error(back.refused);
    expect(back.restored.state.generation).toBeGreaterThan(blocked.generation);
    expect(await keys.find().toArray()).toMatchObject([{ _id: 'old', note: 'of Ann', cooldownUntil: null }]);
    expect(await archive.countDocuments()).toBe(0);
    expect((await store.read()).backups).toMatchObject([{ isUsed: false, activated: false, usedFor: undefined }]);
    const { entries } = await store.listHistory({ limit: 2 });
    expect(entries).toMatchObject([
      { keyId: 'old', cause: 'restore', from: 'gone', to: 'healthy', actor: 'operator' },
      { keyId: 'new', cause: 'restore', from: 'healthy', to: 'gone', actor: 'operator' },
    ]);
    const again = await store.rotate(orderFor('old'));
    expect(again?.successor.state.generation).toBeGreaterThan(1_000_000n);
  });

  test('is refused with the reason, and then nothing is changed', async () => {
    const { keys, backups } = world.pool();
    await keys.insertOne(oldKey('old'));
    await backups.insertMany([oldBackup('new'), oldBackup('unused', { createdAt: new Date() })]);
    await expect(store.restore({ ...by, backupId: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
    expect(await store.restore({ ...by, backupId: 'unused' })).toEqual({ refused: 'not_used' });
    await store.rotate(orderFor('old'));
    await keys.deleteOne({ _id: 'new' });
    expect(await store.restore({ ...by, backupId: 'new' })).toEqual({ refused: 'successor_gone' });
    expect(await keys.countDocuments()).toBe(0);
  });
});

test('used backup keys go after their time, and with them the secret of the key that they replaced', async () => {
  const { keys, backups, archive } = world.pool();
  await keys.insertOne(oldKey('old'));
  await backups.insertMany([oldBackup('new'), oldBackup('unused')]);
  await store.rotate(orderFor('old'));
  expect(await store.expireBackups(NOW + USED_BACKUP_TTL_MS - 1, USED_BACKUP_TTL_MS)).toBe(0);
  expect(await archive.countDocuments()).toBe(1);
  expect(await store.expireBackups(NOW + USED_BACKUP_TTL_MS, USED_BACKUP_TTL_MS)).toBe(1);
  expect(await archive.countDocuments()).toBe(0);
  expect((await store.read()).backups.map(({ id }) => id)).toEqual(['unused']);
  expect(await keys.countDocuments({ _id: 'new' })).toBe(1);
});

describe('a key of the environment that was rotated away', () => {
  test('does not come back with the next start, also after its backup key has expired, until the environment names another', async () => {
    const { keys, backups } = world.pool();
    const sync = async (...secrets: string[]): Promise<readonly string[]> => {
      await world.storeOf().syncEnvironmentKeys(secrets);
      return (await keys.find({ fromEnvironment: true }).toArray()).map(
        ({ _id, apiKey }) => `${String(_id)}=${box.open(String(apiKey))}`,
      );
    };
    await backups.insertOne(oldBackup('new'));
    expect(await sync('one', 'two')).toEqual(['env-1=one', 'env-2=two']);
    await store.rotate(orderFor('env-1'));
    expect(await sync('one', 'two')).toEqual(['env-2=two']);
    await store.expireBackups(NOW + USED_BACKUP_TTL_MS, USED_BACKUP_TTL_MS);
    expect(await sync('one', 'two')).toEqual(['env-2=two']);
    expect(await textOf(world)).not.toMatch(/"(one|two)"/);
    expect(await sync('three', 'two')).toEqual(['env-2=two', 'env-1=three']);
    expect(await sync('one')).toEqual(['env-1=one']);
    expect(await keys.countDocuments({ _id: 'new' })).toBe(1);
  });
});
