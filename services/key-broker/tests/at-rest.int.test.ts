import { readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locateMongod, startMongo } from '@omg/embedded';
import { connectMongo } from '@omg/mongo';
import { expect, test } from 'vitest';
import { MongoKeyStore } from '../src/store/mongo-key-store.ts';
import { SecretBox } from '../src/store/secret-box.ts';

const SECRET = 'sk-canary-9fKq2Lx7Vb4Tn8Wz';
const box = new SecretBox({ id: 'k', key: Buffer.alloc(32, 'k') });

test('an upstream key is in none of mongod’s files, and is leased as it was given', async () => {
  await using stack = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), 'omg-at-rest-'));
  stack.defer(async () => {
    await rm(dataDir, { recursive: true, force: true });
  });
  const signal = AbortSignal.timeout(15_000);
  const program = await locateMongod({ env: process.env, signal });
  const mongod = stack.use(await startMongo({ program, dataDir, logFile: join(dataDir, 'mongod.log'), signal }));
  await using mongo = await connectMongo({ url: mongod.url, database: 'broker', appName: 'test' });
  const faults: string[] = [];
  const store = new MongoKeyStore({ mongo, box, onFaulty: (_collection, _id, fault) => faults.push(fault) });
  await store.syncEnvironmentKeys('ohmygpt', [SECRET]);
  // the same secret again is the same key: nothing is written
  await store.syncEnvironmentKeys('ohmygpt', [SECRET]);
  expect(await store.list('ohmygpt')).toMatchObject([{ id: 'env-1', secret: SECRET }]);
  expect(faults).toEqual([]);
  // what is plain is found, so that finding nothing means something
  const plain = 'plain-canary-3hJm6Rc1Yd5Gs0Pv';
  await mongo.db.collection<{ _id: string }>('marker').insertOne({ _id: plain });
  await mongo.db.admin().command({ fsync: 1 });
  await mongod.stop();
  const holding = (canary: string): readonly string[] =>
    filesOf(dataDir).filter((path) => readFileSync(path).includes(canary));
  expect(holding(plain)).not.toEqual([]);
  expect(holding(SECRET)).toEqual([]);
});

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}
