import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOrStartMongo, findOrStartNats, type Server } from '@omg/embedded';

export interface TestInfraOptions {
  /** TEST_INFRA chooses: `embedded` (also where it is not set) or `testcontainers`. MONGODB_URL and NATS_URL name servers that run already. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** The MongoDB and the NATS that tests share; each test file has a database and streams of its own there. */
export interface TestInfra extends AsyncDisposable {
  readonly mongodbUrl: string;
  readonly natsUrl: string;
  /** One line per server: what it is, which version, where from. */
  readonly descriptions: readonly string[];
}

/** Starts both at once. It never takes the one kind where the other was asked for. */
export async function startTestInfra(options: TestInfraOptions): Promise<TestInfra> {
  const kind = options.env['TEST_INFRA'] ?? 'embedded';
  const starting = kind === 'testcontainers' ? await startContainers(options) : startEmbedded(options, kind);
  const [mongo, nats] = await bothOrNone(starting);
  return {
    mongodbUrl: mongo.url,
    natsUrl: nats.url,
    descriptions: [mongo.description, nats.description],
    async [Symbol.asyncDispose]() {
      await Promise.all([mongo[Symbol.asyncDispose](), nats[Symbol.asyncDispose]()]);
    },
  };
}

type Starting = readonly [mongo: Promise<Server>, nats: Promise<Server>];

function startEmbedded({ env, signal, onProgress }: TestInfraOptions, kind: string): Starting {
  if (kind !== 'embedded') throw new Error(`TEST_INFRA is embedded or testcontainers, not ${kind}.`);
  const start = async (
    name: string,
    open: (place: { dataDir: string; logFile: string }) => Promise<Server>,
  ): Promise<Server> => {
    const directory = await mkdtemp(join(tmpdir(), `omg-test-${name}-`));
    const server = await open({ dataDir: join(directory, 'data'), logFile: join(directory, 'log') });
    return {
      url: server.url,
      description: server.description,
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await rm(directory, { recursive: true, force: true });
      },
    };
  };
  const options = { env, signal, onProgress, throwaway: true };
  return [
    start('mongo', async (place) => await findOrStartMongo({ ...options, ...place, url: env['MONGODB_URL'] })),
    // what a test loses in a power cut is nobody's loss
    start(
      'nats',
      async (place) => await findOrStartNats({ ...options, ...place, url: env['NATS_URL'], syncInterval: '2m' }),
    ),
  ];
}

async function startContainers({ signal }: TestInfraOptions): Promise<Starting> {
  // only here, because it takes a second to load
  const { startMongoContainer, startNatsContainer } = await import('./containers.ts');
  return [startMongoContainer(signal), startNatsContainer(signal)];
}

async function bothOrNone(starting: Starting): Promise<readonly [Server, Server]> {
  const settled = await Promise.allSettled(starting);
  const failure = settled.find((result) => result.status === 'rejected');
  if (failure === undefined) return await Promise.all(starting);
  for (const result of settled) if (result.status === 'fulfilled') await result.value[Symbol.asyncDispose]();
  throw failure.reason;
}
