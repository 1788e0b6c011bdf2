import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { testMongoUrl } from '@omg/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SecretBox } from '../src/store/secret-box.ts';
import { makeStoreWorld, textOf, type StoreWorld } from './store-world.ts';
import { oldKey } from './old-key.ts';

const PROGRAM = fileURLToPath(new URL('../src/seed.ts', import.meta.url));
const KEY = Buffer.alloc(32, 'u');
const upBox = new SecretBox({ id: 'up', key: KEY });

let world: StoreWorld;
let folder: string;
beforeEach(async () => {
  world = await makeStoreWorld();
  folder = await mkdtemp(join(tmpdir(), 'omg-seed-'));
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function seed(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Run> {
  const child = spawn(process.execPath, [PROGRAM, '--data', folder, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], MONGODB_DATABASE: world.database, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: child.exitCode ?? -1, out, err };
}

/** As scripts/up leaves it: with what belongs to its database. */
async function writeStackFiles(): Promise<void> {
  await writeFile(join(folder, 'env'), `export BROKER_MONGO='${testMongoUrl()}'\n`);
  await writeFile(join(folder, 'secrets.json'), JSON.stringify({ encryptionKey: KEY.toString('base64'), more: 1 }));
}

test('loads a file into the database of scripts/up, sealed with its key; refused lines are told by number and reason', async () => {
  await writeStackFiles();
  const { keys } = world.pool();
  await keys.insertOne(oldKey('there'));
  const file = join(folder, 'keys.txt');
  const lines = [
    '# keys',
    'first|sk-canary-1',
    '{"_id":"second","apiKey":"sk-canary-2","slots":7,"isEnabled":false}',
    'there|sk-canary-3',
    'no separator sk-canary-4',
    'spaced|sk canary-5',
    'sixth|sk-canary-1',
  ];
  await writeFile(file, lines.join('\n'));
  const dry = await seed(['--file', file, '--dry-run']);
  expect(dry.code).toBe(3);
  expect(await keys.countDocuments()).toBe(1);
  const { code, out, err } = await seed(['--file', file]);
  expect(code).toBe(3);
  expect(out).toContain('2 keys of ohmygpt were added, 4 lines refused.');
  expect(err.split('\n').slice(0, 4)).toEqual([
    'scripts/seed: line 4 (there): there is a key with this name',
    'scripts/seed: line 5: it is not id|apiKey',
    expect.stringContaining('scripts/seed: line 6: '),
    'scripts/seed: line 7 (sixth): it has the same key as first',
  ]);
  expect(out + err + (await textOf(world))).not.toContain('canary');
  expect(await keys.findOne({ _id: 'second' })).toMatchObject({ slots: 7, isEnabled: false, status: 'healthy' });
  expect(upBox.open(String((await keys.findOne({ _id: 'first' }))?.['apiKey']))).toBe('sk-canary-1');
  const actors = await world.mongo.db.collection('key_history').distinct('actor');
  expect(actors).toEqual([expect.stringMatching(/^seed by /)]);
});

test('loads backup keys of another provider where the command line says so, and all of them is success', async () => {
  const file = join(folder, 'keys.json');
  await writeFile(file, JSON.stringify([{ id: 'spare', apiKey: 'sk-1', enableFailover: true }], null, 2));
  const options = ['--provider', 'openhands', '--backup', '--mongodb-url', testMongoUrl(), '--file', file];
  const environment = { KEY_ENCRYPTION_KEYS: `up:${KEY.toString('base64')}` };
  expect(await seed(options, environment)).toMatchObject({ code: 0, err: '' });
  expect(await world.pool('openhands').backups.findOne({ _id: 'spare' })).toMatchObject({
    isUsed: false,
    enableFailover: true,
  });
});

test('without a file makes the indexes of all providers', async () => {
  await writeStackFiles();
  await world.mongo.db.dropDatabase();
  expect(await seed([])).toMatchObject({ code: 0, err: '' });
  const indexes = await world.pool('openhands').bindings.indexes();
  expect(indexes.map(({ name, unique }) => [name, unique])).toContainEqual(['proxyId_1_openhandsKeyId_1', true]);
});

test('refuses to write what the broker could not open', async () => {
  await writeStackFiles();
  await world.storeOf().importKeys([{ id: 'a', secret: 'x', terms: TERMS }], { actor: 'x', nowMs: 0 });
  const file = join(folder, 'keys.txt');
  await writeFile(file, 'b|y');
  const { code, err } = await seed(['--file', file]);
  expect([code, err]).toEqual([1, expect.stringContaining('encrypted with the key test')]);
});

const TERMS = {
  enableFailover: false,
  allowedModels: undefined,
  slots: undefined,
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
};

test.each([
  [['--nonsense'], {}, 2, /Unknown option/],
  [[], {}, 1, /MONGODB_URL is not set[\s\S]*there is no --mongodb-url/],
  [['--mongodb-url', 'mongodb://h', '--file', PROGRAM], {}, 1, /KEY_ENCRYPTION_KEYS is not set/],
  [['--file', 'nowhere'], {}, 1, /nowhere cannot be read/],
  [['--provider', 'nobody', '--mongodb-url', 'mongodb://h'], {}, 1, /there is no provider nobody; there is ohmygpt/],
])('%j ends with a sentence and a code', async (args, environment, code, sentence) => {
  const run = await seed(args, environment);
  expect(run).toMatchObject({ code, out: '' });
  expect(run.err).toMatch(sentence);
  expect(run.err).not.toContain(' at ');
});
