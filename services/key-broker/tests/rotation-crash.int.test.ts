import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { testMongoUrl } from '@omg/testkit';
import { describe, expect, test } from 'vitest';
import { NEW_KEY_STATE } from '../src/domain/key-state.ts';
import { makeStoreWorld, NOW, oldBackup, oldBinding, oldProxy, type StoreWorld } from './store-world.ts';
import { oldKey } from './old-key.ts';

const PROGRAM = fileURLToPath(new URL('store-rotator.ts', import.meta.url));
const order = { oldId: 'old', cause: 'auth', actor: 'next', nowMs: NOW, state: NEW_KEY_STATE } as const;

/** A pool, and a process that stands still in a rotation of its key. */
interface Scene extends AsyncDisposable {
  readonly world: StoreWorld;
  readonly process: ChildProcess;
  /** The next thing that it says. */
  readonly says: () => Promise<unknown>;
}

/** A key, two backup keys and a binding; the process has come so far with rotating the key. */
async function rotationAt(point: string): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await makeStoreWorld());
  const { keys, backups, bindings, proxies } = world.pool();
  await keys.insertOne(oldKey('old', { slots: 7 }));
  await backups.insertMany([oldBackup('a'), oldBackup('b', { createdAt: new Date() })]);
  await proxies.insertOne(oldProxy('p'));
  await bindings.insertOne(oldBinding('old', 'p'));
  const child = spawn(process.execPath, [PROGRAM, `${testMongoUrl()}&monitorCommands=true`, world.database, point], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  stack.defer(() => void child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const says = async (): Promise<unknown> => {
    const line = await lines.next();
    return line.done === true ? undefined : (JSON.parse(line.value) as unknown);
  };
  expect(await says()).toEqual({ what: 'stands' });
  const resources = stack.move();
  return {
    world,
    process: child,
    says,
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

describe('kill -9 in the middle of a rotation', () => {
  const points = [
    'update ohmygpt_bindings',
    'update ohmygpt_archived_keys',
    'insert ohmygpt_keys',
    'delete ohmygpt_keys',
    'commitTransaction 1',
  ];
  test.concurrent.each(points)('before %s: the next owner finds all as it was, and does it whole', async (point) => {
    await using scene = await rotationAt(point);
    const { world } = scene;
    const started = performance.now();
    scene.process.kill('SIGKILL');
    const { store } = await world.own();
    const found = await store.load();
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(found.keys).toMatchObject([{ id: 'old', secret: 'secret-of-old' }]);
    expect(found.backups.map(({ isUsed }) => isUsed)).toEqual([false, false]);
    expect(found.bindings).toMatchObject([{ keyId: 'old' }]);
    expect(await store.rotate(order)).toMatchObject({
      successor: { id: 'a', terms: { slots: 7 } },
      bindings: [{ proxyId: 'p' }],
    });
    const after = await store.load();
    expect(after.keys.map(({ id }) => id)).toEqual(['a']);
    expect(after.backups.map(({ isUsed }) => isUsed)).toEqual([true, false]);
    expect((await store.listHistory({ limit: 9 })).entries).toMatchObject([{ actor: 'next' }]);
  });
});

test.each(['insert ohmygpt_keys', 'commitTransaction 1'])(
  'an owner that stands still in a rotation before %s, while another takes over, does not commit afterwards',
  async (point) => {
    await using scene = await rotationAt(point);
    const { world } = scene;
    const { store } = await world.own();
    expect(await store.rotate(order)).toMatchObject({ successor: { id: 'a' } });
    scene.process.stdin?.write('\n');
    expect(await scene.says()).toEqual({ what: 'failed', code: 'not_owner' });
    const after = await store.load();
    expect(after.keys.map(({ id }) => id)).toEqual(['a']);
    expect(after.backups.map(({ isUsed }) => isUsed)).toEqual([true, false]);
    expect((await store.listHistory({ limit: 9 })).entries).toMatchObject([{ actor: 'next' }]);
  },
);
