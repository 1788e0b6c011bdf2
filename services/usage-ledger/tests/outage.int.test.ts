import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clientKeyDigest } from '@omg/client-key';
import { locateMongod, locateNats, startMongo, startNats, type LocalServer } from '@omg/embedded';
import { connectMongo } from '@omg/mongo';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { MongoAccounts } from '../src/store/mongo-accounts.ts';
import { MongoBooks } from '../src/store/mongo-books.ts';
import { MongoRequestLogs } from '../src/store/mongo-request-logs.ts';
import { CLIENT_KEY, expectCharged, makeEvent, makeWorld, publish, settled, type World } from './ledger.ts';

const signal = AbortSignal.timeout(60_000);
const stack = new AsyncDisposableStack();
let mongod: LocalServer;
let nats: LocalServer;
let startNatsAgain: () => Promise<LocalServer>;

// servers of its own, since it stops and kills them
beforeAll(async () => {
  const directory = stack.adopt(await mkdtemp(join(tmpdir(), 'omg-outage-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
  const start = { env: process.env, signal };
  const [mongoProgram, natsProgram] = await Promise.all([locateMongod(start), locateNats(start)]);
  const optionsOf = (name: string) => ({
    dataDir: join(directory, name),
    logFile: join(directory, `${name}.log`),
    signal,
    throwaway: true,
  });
  startNatsAgain = async () => await startNats({ ...optionsOf('nats'), program: natsProgram, port: nats.port });
  [mongod, nats] = await Promise.all([
    startMongo({ ...optionsOf('mongo'), program: mongoProgram }),
    startNats({ ...optionsOf('nats'), program: natsProgram }),
  ]);
  stack.use(mongod);
  stack.defer(async () => {
    await nats.stop();
  });
});
afterAll(async () => {
  await stack.disposeAsync();
});

const worldHere = async (): Promise<World> => await makeWorld(mongod.url, nats.url);
const events = (count: number) => Array.from({ length: count }, (_, at) => makeEvent({ tenantId: `t${1 + (at % 3)}` }));

describe('while MongoDB does not answer', () => {
  test('a ledger is not ready, says so to who asks for an account, and charges all when it is back', async () => {
    await using world = await worldHere();
    const ledger = await world.start();
    const readiness = async (): Promise<{ status: number; text: string }> => {
      const response = await fetch(`${ledger.opsUrl}/readyz`);
      return { status: response.status, text: await response.text() };
    };
    const resolve = async () =>
      await ledger.accounts.resolveKey({ digest: clientKeyDigest(CLIENT_KEY), site: 'ohmygpt' }, { deadlineMs: 2_000 });
    const before = events(30);
    publish(world, before);
    await settled(world);
    expect(await readiness()).toMatchObject({ status: 200 });

    process.kill(mongod.pid, 'SIGSTOP');
    await vi.waitFor(
      async () => {
        const { status, text } = await readiness();
        expect(status).toBe(503);
        expect(text).toContain('mongodb');
      },
      { timeout: 4_000 },
    );
    const during = events(30);
    publish(world, during);
    await expect(resolve()).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect((await fetch(`${ledger.opsUrl}/healthz`)).status).toBe(200);

    process.kill(mongod.pid, 'SIGCONT');
    await vi.waitFor(
      async () => {
        expect((await readiness()).status).toBe(200);
      },
      { timeout: 4_000 },
    );
    await settled(world);
    await expectCharged(world, [...before, ...during]);
    expect((await resolve()).account?.tenantId).toBe('demo');
  });
});

test('while NATS is away nothing is charged, and when it is back all of it', async () => {
  await using world = await worldHere();
  await world.start();
  const before = events(30);
  publish(world, before);
  await settled(world);
  process.kill(nats.pid, 'SIGKILL');
  await nats.exited;
  const during = events(300);
  publish(world, during);
  nats = await startNatsAgain();
  await settled(world);
  await expectCharged(world, [...before, ...during]);
});

test('what is asked for while MongoDB is gone is unavailable, which passes, and no fault of the ledger', async () => {
  await using mongo = await connectMongo({ url: mongod.url, database: 'gone', appName: 'test', callTimeoutMs: 300 });
  process.kill(mongod.pid, 'SIGKILL');
  await mongod.exited;
  const logs = new MongoRequestLogs(mongo);
  for (const ask of [
    async () => await new MongoAccounts(mongo).findByDigest(clientKeyDigest(CLIENT_KEY)),
    async () => await new MongoBooks(mongo).marks(0, ['epoch']),
    async () => await logs.find('x'),
    async () =>
      await logs.list({ pageSize: 1, before: undefined, tenantId: undefined, clientKeyId: undefined, site: undefined }),
  ]) {
    await expect(ask()).rejects.toMatchObject({ code: 'unavailable' });
  }
});
