import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import {
  findOrStartMongo,
  locateMongod,
  locateNats,
  startMongo,
  startNats,
  type LocalServer,
  type Program,
} from '@omg/embedded';
import { isFreePort } from '../src/tcp.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const signal = AbortSignal.timeout(120_000);
let mongod: Program;
let natsServer: Program;

beforeAll(async () => {
  const options = { env: process.env, signal };
  [mongod, natsServer] = await Promise.all([locateMongod(options), locateNats(options)]);
}, 120_000);

async function startMongoIn(directory: string, port = 0): Promise<LocalServer> {
  return await startMongo({
    program: mongod,
    dataDir: join(directory, 'mongo'),
    logFile: join(directory, 'mongo.log'),
    port,
    signal,
  });
}

async function startNatsIn(directory: string, port = 0): Promise<LocalServer> {
  return await startNats({
    program: natsServer,
    dataDir: join(directory, 'nats'),
    logFile: join(directory, 'nats.log'),
    port,
    signal,
  });
}

async function insert(url: string, name: string): Promise<void> {
  await using client = new MongoClient(url);
  await client
    .db('kept')
    .collection('things')
    .insertOne({ name }, { writeConcern: { w: 'majority', journal: true } });
}

async function namesIn(url: string): Promise<readonly string[]> {
  await using client = new MongoClient(url);
  return await client.db('kept').collection<{ name: string }>('things').distinct('name');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('startMongo', () => {
  it('finds its data again on another port, after a clean stop and after kill -9', async () => {
    await using directory = await temporaryDirectory();
    const first = await startMongoIn(directory.path);
    await insert(first.url, 'before the stop');
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);

    const second = await startMongoIn(directory.path);
    expect(second.port).not.toBe(first.port);
    await insert(second.url, 'before the crash');
    process.kill(second.pid, 'SIGKILL');
    expect(await second.exited).toMatch(/^mongod was ended by SIGKILL/);

    await using third = await startMongoIn(directory.path);
    expect(await namesIn(third.url)).toEqual(['before the crash', 'before the stop']);
  });

  it('takes writes soon after it was spawned', async () => {
    await using directory = await temporaryDirectory();
    const startedMs = performance.now();
    await using mongo = await startMongoIn(directory.path);
    await insert(mongo.url, 'early');
    // a machine that is busy with other tests is slower than the 0.7 s of an idle one
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  it('says why a server died while it started', async () => {
    await using directory = await temporaryDirectory();
    await using mongo = await startMongoIn(directory.path);
    const second = startMongo({
      program: mongod,
      dataDir: join(directory.path, 'mongo'),
      logFile: join(directory.path, 'second.log'),
      signal,
    });
    await expect(second).rejects.toThrow(/^mongod ended with status \d+: .*DBPathInUse/);
    expect(await namesIn(mongo.url)).toEqual([]);
  });

  it('leaves no process behind when it is given up', async () => {
    await using directory = await temporaryDirectory();
    const over = new AbortController();
    const dataDir = join(directory.path, 'mongo');
    const starting = startMongo({
      program: mongod,
      dataDir,
      logFile: join(directory.path, 'mongo.log'),
      signal: over.signal,
    });
    setImmediate(() => over.abort(new Error('given up')));
    await expect(starting).rejects.toThrow('given up');
    // the lock on the data directory is free again
    await using mongo = await startMongoIn(directory.path);
    expect(mongo.pid).toBeGreaterThan(0);
  });
});

describe('startNats', () => {
  it('says whose the trouble is when its port is taken', async () => {
    await using directory = await temporaryDirectory();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await expect(startNatsIn(directory.path, port)).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is taken by another program; nats-server needs it.`,
    );
    other.close();
  });

  it('says why a server died while it started', async () => {
    await using directory = await temporaryDirectory();
    const options = {
      program: natsServer,
      dataDir: join(directory.path, 'nats'),
      logFile: join(directory.path, 'nats.log'),
      signal,
    };
    await expect(startNats({ ...options, syncInterval: 'sometimes' })).rejects.toThrow(
      /^nats-server ended with status 1: .*sync_interval/,
    );
  });

  it('keeps its data on files and answers at its monitoring port', async () => {
    await using directory = await temporaryDirectory();
    await using free = await startNatsIn(directory.path);
    const monitorPort = free.port;
    await free.stop();
    const dataDir = join(directory.path, 'nats');
    await using nats = await startNats({
      program: natsServer,
      dataDir,
      logFile: join(directory.path, 'nats.log'),
      monitorPort,
      signal,
    });
    const answer = await fetch(`http://127.0.0.1:${monitorPort}/jsz`);
    expect(await answer.json()).toMatchObject({ config: { store_dir: join(dataDir, 'jetstream'), sync_always: true } });
    expect(nats.url).toBe(`nats://127.0.0.1:${nats.port}`);
  });

  it('does not outlive a parent that is killed', async () => {
    await using directory = await temporaryDirectory();
    const script = fileURLToPath(new URL('./orphan-maker.ts', import.meta.url));
    const parent = spawn(process.execPath, [script, join(directory.path, 'nats')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const port = await new Promise<number>((resolve) => {
      parent.stdout.once('data', (bytes: Buffer) => resolve(Number(bytes.toString())));
    });
    expect(await isFreePort('127.0.0.1', port)).toBe(false);
    parent.kill('SIGKILL');
    // not its pid: where nobody reaps orphans, that stays for ever
    await vi.waitFor(async () => expect(await isFreePort('127.0.0.1', port)).toBe(true), {
      timeout: 10_000,
      interval: 20,
    });
  });
});

describe('findOrStartMongo', () => {
  const options = { env: process.env, signal, dataDir: '/dev/null/unused', logFile: '/dev/null/unused.log' };

  it('uses a server that a URL names, and leaves it running', async () => {
    await using directory = await temporaryDirectory();
    await using mongo = await startMongoIn(directory.path);
    const found = await findOrStartMongo({ ...options, url: mongo.url });
    expect(found).toMatchObject({ url: mongo.url, description: `mongod ${mongod.version} at 127.0.0.1:${mongo.port}` });
    await found[Symbol.asyncDispose]();
    expect(isAlive(mongo.pid)).toBe(true);
  });

  it('says so when nothing answers at that URL, without its password', async () => {
    const url = 'mongodb://me:s3cr3t@127.0.0.1:9/';
    const failure = await findOrStartMongo({ ...options, url }).catch(String);
    expect(failure).toBe('Error: No MongoDB answers at 127.0.0.1:9, which MONGODB_URL names.');
  });
});
