import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NEW_KEY_STATE } from '../src/domain/key-state.ts';
import { NEW_PROXY_HEALTH } from '../src/domain/proxy-health.ts';
import { watchChanges } from '../src/store/watch-changes.ts';
import { makeStoreWorld, NOW, oldBackup, oldBinding, oldProxy, PROVIDERS, type StoreWorld } from './store-world.ts';
import { oldKey } from './old-key.ts';

let world: StoreWorld;
let watch: AsyncDisposable;
let told: string[];
let errors: unknown[];

interface Operation {
  readonly cursor?: { readonly cursorId: bigint; readonly originatingCommand?: { readonly $db: string } };
}

/** Until all of these were told since the last time, and nothing else. */
async function expectTold(...names: readonly string[]): Promise<void> {
  await vi.waitFor(
    () => {
      expect(new Set(told)).toEqual(new Set(names));
    },
    { timeout: 5_000 },
  );
  told.length = 0;
}

beforeEach(async () => {
  world = await makeStoreWorld();
  [told, errors] = [[], []];
  watch = watchChanges({
    mongo: world.mongo,
    providers: PROVIDERS,
    onChange: (what) => void told.push(what),
    onError: (error) => void errors.push(error),
  });
  await expectTold('ohmygpt', 'openhands', 'proxies');
});
afterEach(async () => {
  await watch[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

test('what is changed in the database directly is told, by its pool', async () => {
  const { keys, backups, bindings, proxies } = world.pool();
  await keys.insertOne(oldKey('a'));
  await expectTold('ohmygpt');
  await keys.updateOne({ _id: 'a' }, { $set: { isEnabled: false } });
  await expectTold('ohmygpt');
  await keys.replaceOne({ _id: 'a' }, { apiKey: 'x' });
  await expectTold('ohmygpt');
  await keys.updateOne({ _id: 'a' }, { $unset: { apiKey: '' } });
  await expectTold('ohmygpt');
  await keys.deleteOne({ _id: 'a' });
  await expectTold('ohmygpt');
  await backups.insertOne(oldBackup('b'));
  await expectTold('ohmygpt');
  await world.pool('openhands').keys.insertOne(oldKey('a'));
  await expectTold('openhands');
  await bindings.insertOne(oldBinding('a', 'p'));
  await proxies.insertOne(oldProxy('p'));
  await expectTold('ohmygpt', 'proxies');
  await world.mongo.db.collection('something_else').insertOne({});
  await keys.drop();
  await expectTold('ohmygpt');
  expect(errors).toEqual([]);
});

test('what a pool writes of its own states, use and health is not told', async () => {
  const { store } = await world.own();
  const { keys, proxies } = world.pool();
  await keys.insertOne(oldKey('a'));
  await proxies.insertOne(oldProxy('p', { password: 'plain' }));
  await store.load();
  await expectTold('ohmygpt', 'proxies');
  await store.addUse([{ keyId: 'a', tokens: 1, requests: 1, lastUsedAtMs: NOW }], { incarnation: 'i', seq: 1 });
  for (const status of ['error', 'healthy'] as const) {
    world.clock.nowMs += 1;
    await store.writeStates({ states: [{ id: 'a', state: { ...NEW_KEY_STATE, status } }], history: [] });
    await store.writeProxyHealth('p', { ...NEW_PROXY_HEALTH, results: [status === 'healthy'] });
  }
  world.clock.nowMs += 1;
  await store.addUse([{ keyId: 'a', tokens: 1, requests: 1, lastUsedAtMs: NOW }], { incarnation: 'i', seq: 2 });
  // told after all of these
  await world.pool('openhands').keys.insertOne(oldKey('a'));
  await expectTold('openhands');
  await keys.updateOne({ _id: 'a' }, { $set: { status: 'exhausted' } });
  await expectTold('ohmygpt');
});

test('a change while the stream’s cursor is killed is told', async () => {
  const { db } = world.mongo;
  const operations = await db.client
    .db('admin')
    .aggregate<Operation>([{ $currentOp: { allUsers: true, idleCursors: true } }])
    .toArray();
  const ids = operations.flatMap(({ cursor }) =>
    cursor?.originatingCommand?.$db === world.database ? [cursor.cursorId] : [],
  );
  expect(ids).toHaveLength(1);
  expect(await db.command({ killCursors: '$cmd.aggregate', cursors: ids })).toMatchObject({
    cursorsKilled: [expect.anything()],
  });
  await world.pool().keys.insertOne(oldKey('a'));
  // where the driver cannot go on by itself, everything counts as changed
  await vi.waitFor(
    () => {
      expect(told).toContain('ohmygpt');
    },
    { timeout: 5_000 },
  );
});

test('a stream that is at its end is opened anew, and then everything counts as changed', async () => {
  await world.mongo.db.dropDatabase();
  await vi.waitFor(() => {
    expect(new Set(told)).toEqual(new Set(['ohmygpt', 'openhands', 'proxies']));
  });
  // it may be opened more than once: each of the dropped collections is told of as well
  await vi.waitFor(
    async () => {
      told.length = 0;
      await world.pool('openhands').keys.insertOne(oldKey(randomUUID()));
      // if more is told it is not going to be less
      await vi.waitFor(
        () => {
          expect(told).toEqual(['openhands']);
        },
        { timeout: 1_000 },
      );
    },
    { timeout: 10_000 },
  );
  expect(errors.length).toBeGreaterThan(0);
});

test('after the end nothing more is told', async () => {
  await watch[Symbol.asyncDispose]();
  await world.pool().keys.insertOne(oldKey('a'));
  expect([told, errors]).toEqual([[], []]);
});
