import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeClientKey } from '@omg/client-key';
import { Secret } from '@omg/config';
import { createGrpcClient, type GrpcClient } from '@omg/grpc';
import {
  connectNats,
  createUsagePublisher,
  ensureUsageStream,
  partitionOf,
  type Nats,
  type UsagePublisher,
} from '@omg/messaging';
import { accountsV1, eventsV1, usageV1 } from '@omg/proto-gen';
import { freshDatabaseName, freshStreamName, testMongoUrl, testNatsUrl } from '@omg/testkit';
import { MongoClient, type Collection, type Db } from 'mongodb';
import { expect, vi } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { partitionId } from '../src/domain/partition-id.ts';
import { startService, type LedgerService, type Overrides } from '../src/service.ts';

const TOKEN = 'a-token-of-the-router';
export const STREAM_MAX_BYTES = 64 * 1024 * 1024;

/** USD per million tokens of `model-a`, times its multiplier. */
export const RATES = { input: '3.30', output: '16.50', cacheWrite5m: '4.13', cacheWrite1h: '6.60', cacheRead: '0.33' };

export const CLIENT_KEY = makeClientKey();

/** What the charge of such tokens has to be, counted in another way than the service does. */
export function expectedCost(tokens: eventsV1.Tokens): bigint {
  const cents =
    tokens.input * 330n +
    tokens.output * 1_650n +
    tokens.cacheWrite5m * 413n +
    tokens.cacheWrite1h * 660n +
    tokens.cacheRead * 33n;
  // cents per million tokens, times 1.05: in 1/1,000ths of a nano-USD that is times 10,500
  const thousandths = cents * 10_500n;
  return thousandths / 1_000n + (thousandths % 1_000n >= 500n ? 1n : 0n);
}

/** A database, a stream and files of their own, in which ledgers can be started and stopped. */
export interface World extends AsyncDisposable {
  readonly db: Db;
  readonly nats: Nats;
  readonly stream: string;
  readonly directory: string;
  readonly publisher: UsagePublisher;
  readonly environment: Readonly<Record<string, string>>;
  start: (options?: StartOptions) => Promise<Ledger>;
}

export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly overrides?: Overrides;
}

export interface Ledger extends AsyncDisposable {
  readonly service: LedgerService;
  readonly accounts: GrpcClient<accountsV1.AccountsService>;
  readonly usage: GrpcClient<usageV1.UsageService>;
  readonly opsUrl: string;
}

export async function makeWorld(mongoUrl: string = testMongoUrl(), natsUrl: string = testNatsUrl()): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.adopt(await mkdtemp(join(tmpdir(), 'omg-ledger-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
  const database = freshDatabaseName('ledger');
  const client = stack.use(new MongoClient(mongoUrl, { useBigInt64: true, serverSelectionTimeoutMS: 5_000 }));
  const db = client.db(database);
  stack.defer(async () => {
    await db.dropDatabase().catch(() => undefined);
  });
  const stream = freshStreamName('LEDGER');
  const nats = stack.use(await connectNats({ url: natsUrl, name: 'ledger-test' }));
  await ensureUsageStream(nats, { stream, maxBytes: STREAM_MAX_BYTES });
  const publisher = stack.use(createUsagePublisher({ nats, stream, lingerMs: 0, maxBatchEvents: 10 }));

  const siteFile = join(directory, 'site.json');
  await writeFile(siteFile, siteFileOf(RATES));
  const bootstrapFile = join(directory, 'bootstrap.json');
  await writeFile(
    bootstrapFile,
    JSON.stringify({ tenants: [demoTenant(), ...['t1', 't2', 't3'].map((id) => ({ id, name: `Tenant ${id}` }))] }),
  );
  const environment = {
    OMG_ENV: 'dev',
    LOG_LEVEL: 'silent',
    GRPC_LISTEN: '127.0.0.1:0',
    OPS_LISTEN: '127.0.0.1:0',
    SERVICE_TOKENS: `router=${TOKEN}`,
    MONGODB_URL: mongoUrl,
    MONGODB_DATABASE: database,
    NATS_URL: natsUrl,
    USAGE_STREAM: stream,
    USAGE_STREAM_MAX_BYTES: String(STREAM_MAX_BYTES),
    REFUSALS_STREAM: `${stream}_REFUSALS`,
    SITE_FILES: siteFile,
    BOOTSTRAP_FILE: bootstrapFile,
  };
  const resources = stack.move();
  return {
    db,
    nats,
    stream,
    directory,
    publisher,
    environment,
    start: async ({ environment: change = {}, overrides = {} } = {}) =>
      resources.use(await startLedger({ ...environment, ...change }, overrides)),
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

async function startLedger(environment: Readonly<Record<string, string>>, overrides: Overrides): Promise<Ledger> {
  await using stack = new AsyncDisposableStack();
  const service = await startService(loadConfig(environment), overrides);
  stack.use(service.resources);
  const options = {
    address: `127.0.0.1:${service.grpcPort}`,
    token: new Secret(TOKEN),
    deadlineMs: 5_000,
    telemetry: service.process.telemetry,
  };
  const accounts = stack.use(createGrpcClient(accountsV1.AccountsService, options));
  const usage = stack.use(createGrpcClient(usageV1.UsageService, options));
  const resources = stack.move();
  return {
    service,
    accounts,
    usage,
    opsUrl: `http://127.0.0.1:${service.process.opsPort}`,
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

export function siteFileOf(price: object, models: readonly string[] = ['model-a']): string {
  return JSON.stringify({
    site: 'ohmygpt',
    provider: 'ohmygpt',
    port: 8005,
    models: models.map((id) => ({ id, upstream: id, price, multiplier: '1.05' })),
  });
}

export function demoTenant(): Readonly<Record<string, unknown>> {
  return {
    id: 'demo',
    name: 'Demo',
    creditsUsd: '100',
    keys: [{ id: 'demo-key', name: 'first key', key: CLIENT_KEY }],
  };
}

const counters = new Map<string, bigint>();

/** A complete event; its number follows the last one of its epoch and partition. */
export function makeEvent(change: Partial<eventsV1.UsageEvent> = {}): eventsV1.UsageEvent {
  const tenantId = change.tenantId ?? 't1';
  const epoch = change.epoch ?? 'epoch-1';
  const partition = partitionOf(tenantId);
  const counter = `${epoch}/${partition}`;
  const number = change.number ?? (counters.get(counter) ?? 0n) + 1n;
  counters.set(counter, number);
  return {
    minReaderVersion: 1,
    requestId: randomUUIDv7(),
    epoch,
    partition,
    number,
    site: 'ohmygpt',
    provider: 'ohmygpt',
    tenantId,
    tenantName: `Tenant ${tenantId}`,
    clientKeyId: 'key-1',
    dialect: eventsV1.Dialect.ANTHROPIC,
    stream: true,
    model: 'model-a',
    upstreamModel: 'model-a-2026',
    acceptedAt: new Date(),
    latencyMs: 1_234,
    firstTokenMs: 321,
    statusCode: 200,
    success: true,
    finishReason: 'end_turn',
    abortReason: '',
    tokens: {
      input: BigInt(Number(number) % 97) + 1n,
      output: 1_048n,
      cacheWrite5m: 1_558n,
      cacheWrite1h: 7n,
      cacheRead: 62_745n,
    },
    usageSource: eventsV1.UsageSource.PROVIDER,
    attempts: [
      {
        keyId: 'upstream-key',
        proxyId: 'proxy',
        endpoint: 'primary',
        statusCode: 200,
        cause: '',
        providerRequestId: `req_${randomUUID()}`,
        startedAt: new Date(),
        durationMs: 1_200,
        leaseGeneration: 3n,
      },
    ],
    clientRequestId: 'mine',
    traceParent: '',
    priceVersion: '',
    allowance: undefined,
    ...change,
  };
}

export function publish({ publisher }: World, events: readonly eventsV1.UsageEvent[]): void {
  for (const event of events)
    publisher.publish(partitionOf(event.tenantId), eventsV1.UsageEvent.encode(event).finish());
}

interface FenceDocument {
  readonly _id: string;
  readonly position: { readonly incarnation: string; readonly seq: number };
}

// what a majority has, as the ledger's own answers
export const fencesOf = ({ db }: World): Collection<FenceDocument> =>
  db.collection<FenceDocument>('fences', { readConcern: 'majority' });

/** Everything published is in the stream, and every partition has read to its end. */
export async function settled(world: World, timeoutMs = 8_000): Promise<void> {
  await vi.waitFor(
    () => {
      expect(world.publisher.pending).toBe(0);
    },
    { timeout: timeoutMs },
  );
  const { jetstreamManager } = await import('@nats-io/jetstream');
  const manager = await jetstreamManager(world.nats.connection);
  const { state, created, config } = await manager.streams.info(world.stream, { subjects_filter: '>' });
  await vi.waitFor(
    async () => {
      for (const subject of Object.keys(state.subjects ?? {})) {
        const partition = Number(subject.split('.').at(-1));
        const { seq } = (await manager.streams.getMessage(world.stream, { last_by_subj: subject })) ?? { seq: 0 };
        const document = await fencesOf(world).findOne({ _id: partitionId(partition) });
        expect(document?.position).toMatchObject({ seq, incarnation: config.metadata?.['omg_incarnation'] ?? created });
      }
    },
    { timeout: timeoutMs, interval: 20 },
  );
}

export interface Sums {
  readonly spent: bigint;
  readonly entries: bigint;
  readonly logs: bigint;
  readonly requests: number;
}

/** What the books say of an account, in the three places that have to agree. */
export async function sumsOf({ db }: World, tenantId: string): Promise<Sums> {
  const [tenant, entries, logs] = await Promise.all([
    db.collection<{ _id: string; spentNanoUsd: bigint }>('tenants').findOne({ _id: tenantId }),
    db.collection<{ nanoUsd: bigint; requests: number }>('entries').find({ tenantId }).toArray(),
    db.collection<{ costNanoUsd: bigint }>('request_logs').find({ tenantId }).toArray(),
  ]);
  expect(entries.reduce((sum, { requests }) => sum + requests, 0)).toBe(logs.length);
  return {
    spent: tenant?.spentNanoUsd ?? -1n,
    entries: entries.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0n),
    logs: logs.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n),
    requests: logs.length,
  };
}

/** Each of these events is charged once, and nothing else is. */
export async function expectCharged(world: World, events: readonly eventsV1.UsageEvent[]): Promise<void> {
  for (const [tenantId, list = []] of Map.groupBy(events, (event) => event.tenantId)) {
    const requests = new Map(list.map(({ requestId, tokens }) => [requestId, tokens]));
    const cost = [...requests.values()].reduce(
      (sum, tokens) => sum + (tokens === undefined ? 0n : expectedCost(tokens)),
      0n,
    );
    expect(await sumsOf(world, tenantId)).toEqual({ spent: cost, entries: cost, logs: cost, requests: requests.size });
  }
}
