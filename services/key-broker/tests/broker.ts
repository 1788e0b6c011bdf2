import { Secret } from '@omg/config';
import { createGrpcClient, type GrpcClient } from '@omg/grpc';
import { keyBrokerV1 } from '@omg/proto-gen';
import { freshDatabaseName, freshStreamName, testMongoUrl, testNatsUrl } from '@omg/testkit';
import { MongoClient, type Collection, type Db } from 'mongodb';
import { expect, vi } from 'vitest';
import type { KeyDocument } from './old-key.ts';
import { loadConfig } from '../src/config.ts';
import { SecretBox } from '../src/store/secret-box.ts';
import { startService, type BrokerService, type Overrides } from '../src/service.ts';

/** Longer than a lease of ownership. */
const WAIT = { timeout: 8_000, interval: 20 };
const TOKEN = 'a-token-of-the-router';
const ENCRYPTION_KEY = { id: 'test', key: Buffer.alloc(32, 'k') };

/** Opens what the brokers of these tests have written. */
export const box = new SecretBox(ENCRYPTION_KEY);

/** A database of their own, in which brokers can be started and stopped. */
export interface World extends AsyncDisposable {
  readonly db: Db;
  /** The usage stream of its brokers; whoever needs it makes it. */
  readonly stream: string;
  start: (environment?: Readonly<Record<string, string>>, overrides?: Overrides) => Promise<Broker>;
}

export interface Broker extends AsyncDisposable {
  readonly service: BrokerService;
  readonly client: GrpcClient<keyBrokerV1.KeyBrokerService>;
}

export async function makeWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const database = freshDatabaseName('broker');
  const stream = freshStreamName('broker');
  const client = stack.use(new MongoClient(testMongoUrl()));
  const db = client.db(database);
  stack.defer(async () => {
    await db.dropDatabase();
  });
  const resources = stack.move();
  return {
    db,
    stream,
    start: async (environment = {}, overrides = {}) =>
      resources.use(
        await startBroker(
          {
            OMG_ENV: 'dev',
            LOG_LEVEL: 'silent',
            GRPC_LISTEN: '127.0.0.1:0',
            OPS_LISTEN: '127.0.0.1:0',
            SERVICE_TOKENS: `router=${TOKEN}`,
            MONGODB_URL: testMongoUrl(),
            MONGODB_DATABASE: database,
            KEY_ENCRYPTION_KEYS: `${ENCRYPTION_KEY.id}:${ENCRYPTION_KEY.key.toString('base64')}`,
            NATS_URL: testNatsUrl(),
            USAGE_STREAM: stream,
            ALLOW_DIRECT: 'true',
            ...environment,
          },
          overrides,
        ),
      ),
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

async function startBroker(environment: Readonly<Record<string, string>>, overrides: Overrides): Promise<Broker> {
  await using stack = new AsyncDisposableStack();
  const service = await startService(loadConfig(environment), overrides);
  stack.use(service.resources);
  const client = stack.use(clientOf(service, TOKEN));
  await vi.waitFor(async () => {
    const { providers } = await client.listProviders({});
    expect(providers.filter(({ owner }) => owner === '')).toEqual([]);
    const { ready } = await service.process.readiness.report();
    expect(ready).toBe(true);
  }, WAIT);
  const resources = stack.move();
  return {
    service,
    client,
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

export function clientOf(service: BrokerService, token: string): GrpcClient<keyBrokerV1.KeyBrokerService> {
  return createGrpcClient(keyBrokerV1.KeyBrokerService, {
    address: `127.0.0.1:${service.grpcPort}`,
    token: new Secret(token),
    deadlineMs: 5_000,
    telemetry: service.process.telemetry,
  });
}

/** What was granted, or the denial. */
export type Acquired = readonly keyBrokerV1.Lease[];

export async function acquire({ client }: Broker, count = 1, model = 'm', provider = 'ohmygpt'): Promise<Acquired> {
  const { result } = await client.acquireLeases({ provider, model, count, holder: 'test', tokens: 0, excludeKeys: [] });
  if (result?.$case === 'denied') return [];
  return result?.value.leases ?? [];
}

export const keysOf = ({ db }: World, provider = 'ohmygpt'): Collection<KeyDocument> =>
  db.collection<KeyDocument>(`${provider}_keys`);
