import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { divideCores, startNodeProcess, type Cores, type NodeProcess } from '@omg/bench';
import { findOrStartMongo, findOrStartNats, type Server } from '@omg/embedded';
import { connectNats, type Nats } from '@omg/messaging';
import { connectMongo } from '@omg/mongo';
import type { MongoClient } from 'mongodb';
import { MODEL, MULTIPLIER, RATES, SITE } from './synthetic-usage.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
const BARE = resolve(import.meta.dirname, 'bare-main.ts');
const TOKEN = 'a-token-of-the-bench';
const CACHE_GB = 1;

export interface WorldOptions {
  readonly profileDir: string | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** The servers that all measurements use, and how a process is started beside them. */
export interface BenchWorld extends AsyncDisposable {
  readonly cores: Cores;
  readonly mongo: Server;
  readonly natsServer: Server;
  readonly client: MongoClient;
  readonly nats: Nats;
  readonly signal: AbortSignal;
  readonly startLedger: (options: StartLedgerOptions) => Promise<NodeProcess>;
  /** The command line of the program without a gateway, and its environment. */
  readonly bareCommand: (options: {
    readonly database: string;
    readonly accounts: number;
    readonly events: number;
  }) => { readonly command: readonly string[]; readonly env: Readonly<Record<string, string>> };
}

export interface StartLedgerOptions {
  readonly name: string;
  readonly database: string;
  readonly stream: string;
  /** Beside a first one. */
  readonly isSecond: boolean;
}

export async function startWorld({ profileDir, signal, onProgress }: WorldOptions): Promise<BenchWorld> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.adopt(await mkdtemp(join(tmpdir(), 'omg-bench-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
  const cores = divideCores('ledger');
  const server = (name: string) => ({
    dataDir: join(directory, name),
    logFile: join(directory, `${name}.log`),
    throwaway: true,
    env: process.env,
    onProgress,
    signal,
  });
  onProgress('starting MongoDB and NATS');
  const [mongo, natsServer] = await Promise.all([
    findOrStartMongo({ ...server('mongo'), cacheGb: CACHE_GB }),
    findOrStartNats(server('nats')),
  ]);
  stack.use(mongo);
  stack.use(natsServer);
  const { db } = stack.use(await connectMongo({ url: mongo.url, database: 'bench', appName: 'bench' }));
  const nats = stack.use(await connectNats({ url: natsServer.url, name: 'bench', onStatus: () => undefined }));
  const siteFile = join(directory, 'site.json');
  const models = [{ id: MODEL, upstream: MODEL, price: RATES, multiplier: MULTIPLIER }];
  await writeFile(siteFile, JSON.stringify({ site: SITE, provider: 'ohmygpt', port: 8_005, models }));
  if (profileDir !== undefined) await mkdir(profileDir, { recursive: true });
  const startLedger = async ({ name, database, stream, isSecond }: StartLedgerOptions): Promise<NodeProcess> => {
    const profile =
      profileDir === undefined
        ? []
        : ['--cpu-prof', '--cpu-prof-dir', resolve(profileDir), '--cpu-prof-name', `${name}.cpuprofile`];
    const command = [process.execPath, ...profile, MAIN];
    return await startNodeProcess({
      command: isSecond ? cores.second(command) : cores.measured(command),
      env: {
        OMG_ENV: 'dev',
        LOG_LEVEL: 'error',
        SERVICE_TOKENS: `router=${TOKEN}`,
        MONGODB_URL: mongo.url,
        MONGODB_DATABASE: database,
        NATS_URL: natsServer.url,
        USAGE_STREAM: stream,
        SITE_FILES: siteFile,
      },
      signal,
    });
  };
  const resources = stack.move();
  return {
    cores,
    mongo,
    natsServer,
    client: db.client,
    nats,
    signal,
    startLedger,
    bareCommand: ({ database, accounts, events }) => ({
      command: cores.measured([process.execPath, BARE]),
      env: {
        MONGODB_URL: mongo.url,
        MONGODB_DATABASE: database,
        BENCH_ACCOUNTS: String(accounts),
        BENCH_EVENTS: String(events),
        BENCH_MONGOD_PID: String(mongo.pid ?? 0),
      },
    }),
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}
