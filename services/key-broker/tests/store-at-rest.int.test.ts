import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locateMongod, startMongo } from '@omg/embedded';
import { connectMongo } from '@omg/mongo';
import { expect, test } from 'vitest';
import { NEW_KEY_STATE } from '../src/domain/key-state.ts';
import { MongoPoolStore } from '../src/store/mongo-pool-store.ts';
import { createPoolIndexes } from '../src/store/pool-indexes.ts';
import { box, NOW, PROVIDERS, takePool } from './store-own.ts';

const CANARY = 'canary-9fKq2Lx7Vb4Tn8Wz';
const secret = (name: string): string => `sk-${name}-${CANARY}`;
const by = { actor: 'operator', nowMs: NOW };
const terms = {
  enableFailover: false,
  allowedModels: undefined,
  slots: undefined,
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
};

test('whatever was done with keys and proxies, no secret is in any of mongod’s files, its log included', async () => {
  await using stack = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), 'omg-at-rest-'));
  stack.defer(async () => {
    await rm(dataDir, { recursive: true, force: true });
  });
  const signal = AbortSignal.timeout(15_000);
  const program = await locateMongod({ env: process.env, signal });
  const mongod = stack.use(await startMongo({ program, dataDir, logFile: join(dataDir, 'mongod.log'), signal }));
  await using mongo = await connectMongo({ url: mongod.url, database: 'broker', appName: 'test' });
  // every command is logged
  await mongo.db.command({ profile: 0, slowms: 0 });
  await createPoolIndexes(mongo, PROVIDERS, () => undefined);
  const pool = new MongoPoolStore({ mongo, provider: 'ohmygpt', providers: PROVIDERS, box, onFaulty: () => undefined });
  await pool.syncEnvironmentKeys([secret('environment')]);
  const { owned, leave } = await takePool(mongo, 'ohmygpt');
  const store = pool.forOwner(owned);
  await store.addKeys([{ id: 'a', secret: secret('a'), terms }], by);
  await store.addBackups([{ id: 'b', secret: secret('b'), enableFailover: undefined }], by);
  await store.addProxies(
    [{ id: 'p', name: 'p', type: 'http', host: 'h', port: 1, username: 'u', password: secret('p'), isActive: true }],
    by,
  );
  await store.editKey('a', { secret: secret('edited') }, by);
  await store.editProxy('p', { password: secret('edited-proxy') }, by);
  await store.rotate({ oldId: 'a', cause: 'auth', actor: 'x', nowMs: NOW, state: NEW_KEY_STATE });
  await store.restore({ ...by, backupId: 'b' });
  await store.editBackup('b', { secret: secret('edited-backup') }, by);
  await store.addUse([{ keyId: 'a', tokens: 1, requests: 1, lastUsedAtMs: NOW }], { incarnation: 'i', seq: 1 });
  const { keys, proxies } = await store.load();
  expect(keys.map((key) => key.secret).toSorted()).toEqual([secret('edited'), secret('environment')]);
  expect(proxies).toMatchObject([{ password: secret('edited-proxy') }]);
  await leave();
  // what is plain is found, so that finding nothing means something
  const plain = 'plain-canary-3hJm6Rc1Yd5Gs0Pv';
  await mongo.db.collection<{ _id: string }>('marker').insertOne({ _id: plain });
  await mongo.db.admin().command({ fsync: 1 });
  await mongod.stop();
  const holding = (canary: string): readonly string[] =>
    filesOf(dataDir).filter((path) => readFileSync(path).includes(canary));
  expect(holding(plain).length).toBeGreaterThan(1);
  expect(holding(CANARY)).toEqual([]);
});

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}
