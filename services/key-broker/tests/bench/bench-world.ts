import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { cleanEnvironment, divideCores, startNodeProcess, type Cores, type NodeProcess } from '@omg/bench';
import { findOrStartMongo, findOrStartNats } from '@omg/embedded';
import { connectNats, ensureUsageStream } from '@omg/messaging';
import { keyId, PROVIDER, TOKEN } from './bench-names.ts';

const SERVICE_DIR = resolve(import.meta.dirname, '../..');
const execute = promisify(execFile);

export interface WorldOptions {
  readonly keyCounts: readonly number[];
  readonly profileDir: string | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** Everything that is needed to measure, on this machine. */
export interface BenchWorld extends AsyncDisposable {
  readonly cores: Cores;
  /** A real broker for each number of keys. */
  readonly brokers: ReadonlyMap<number, NodeProcess>;
  /** Speaks the same and decides nothing. */
  readonly echo: NodeProcess;
}

export async function startWorld({ keyCounts, profileDir, signal, onProgress }: WorldOptions): Promise<BenchWorld> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'omg-bench-'));
  stack.defer(async () => {
    await rm(directory, { recursive: true, force: true });
  });
  const cores = divideCores('broker');
  const server = (name: string) => ({
    dataDir: join(directory, name),
    logFile: join(directory, `${name}.log`),
    throwaway: true,
    env: process.env,
    onProgress,
    signal,
  });
  onProgress('starting MongoDB and NATS');
  const [mongo, nats] = await Promise.all([findOrStartMongo(server('mongo')), findOrStartNats(server('nats'))]);
  stack.use(mongo);
  stack.use(nats);
  if (profileDir !== undefined) await mkdir(profileDir, { recursive: true });

  const run = `bench_${randomBytes(4).toString('hex')}`;
  await makeStream(nats.url, run);
  const common = {
    OMG_ENV: 'dev',
    LOG_LEVEL: 'error',
    SERVICE_TOKENS: `router=${TOKEN}`,
    KEY_ENCRYPTION_KEYS: `bench:${randomBytes(32).toString('base64')}`,
    MONGODB_URL: mongo.url,
    NATS_URL: nats.url,
    USAGE_STREAM: run,
    PROVIDERS: PROVIDER,
    ALLOW_DIRECT: 'true',
  };
  const node = (file: string, env: Readonly<Record<string, string>>, name: string): Promise<NodeProcess> => {
    const profile =
      profileDir === undefined
        ? []
        : ['--cpu-prof', '--cpu-prof-dir', resolve(profileDir), '--cpu-prof-name', `${name}.cpuprofile`];
    return startNodeProcess({ command: cores.measured([process.execPath, ...profile, file]), env, signal });
  };
  const brokers = new Map<number, NodeProcess>();
  for (const keys of keyCounts) {
    onProgress(`starting a broker with ${keys} keys`);
    const env = { ...common, MONGODB_DATABASE: `${run}_${keys}` };
    const file = join(directory, `keys-${keys}`);
    await writeFile(
      file,
      Array.from({ length: keys }, (_, index) => `${keyId(index)}|sk-${randomBytes(24).toString('hex')}\n`).join(''),
    );
    await execute(process.execPath, [join(SERVICE_DIR, 'src/seed.ts'), '--provider', PROVIDER, '--file', file], {
      env: { ...cleanEnvironment(), ...env },
      signal,
    });
    brokers.set(keys, stack.use(await node(join(SERVICE_DIR, 'src/main.ts'), env, `broker-${keys}`)));
  }
  const echo = stack.use(await node(join(import.meta.dirname, 'echo-main.ts'), common, 'echo'));
  const resources = stack.move();
  return {
    cores,
    brokers,
    echo,
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

/** Brokers read it beside their other work; without it they would look for it again and again. */
async function makeStream(url: string, stream: string): Promise<void> {
  await using nats = await connectNats({ url, name: 'bench', onStatus: () => undefined });
  await ensureUsageStream(nats, { stream, maxBytes: 1024 * 1024 });
}
