import { randomUUID } from 'node:crypto';
import { readConfig, Secret } from '@omg/config';
import { createGrpcClient, readServiceTokens, startGrpcServer, type GrpcClient } from '@omg/grpc';
import { connectMongo, createOwnership, runOwnedLoop, type Owned, type Ownership } from '@omg/mongo';
import { keyAdminV1 } from '@omg/proto-gen';
import { startTelemetry } from '@omg/telemetry';
import { freshDatabaseName, testMongoUrl } from '@omg/testkit';
import type { Collection, Db } from 'mongodb';
import { vi } from 'vitest';
import { makeKeyAdmin } from '../src/app/admin/key-admin.ts';
import type { KeyTrial } from '../src/app/admin/test-key.ts';
import { createPoolClock } from '../src/app/pool-clock.ts';
import { PoolKeeper } from '../src/app/pool-keeper.ts';
import { Offices } from '../src/app/pool-offices.ts';
import type { StoredProxy } from '../src/app/pool-store.ts';
import type { KeyTestResult } from '../src/app/upstream-ports.ts';
import { AFFINITY_DEFAULTS } from '../src/domain/affinity-table.ts';
import { ATTRIBUTION_DEFAULTS } from '../src/domain/attribution-config.ts';
import { KEY_STATE_DEFAULTS } from '../src/domain/key-state-config.ts';
import type { PoolConfig } from '../src/domain/pool/pool-types.ts';
import { PROVIDER_REGISTRY } from '../src/domain/provider-registry.ts';
import { PROXY_HEALTH_DEFAULTS } from '../src/domain/proxy-health.ts';
import { keyAdminService } from '../src/grpc/key-admin-service.ts';
import { readServiceGrants } from '../src/service-grants.ts';
import { MongoPoolStore } from '../src/store/mongo-pool-store.ts';
import { SecretBox } from '../src/store/secret-box.ts';

export type AdminClient = GrpcClient<keyAdminV1.KeyAdminService>;

export const TOKENS = { operator: 'a-token-of-the-operator', router: 'a-token-of-the-router' };
export const USED_BACKUP_TTL_MS = 12 * 3_600_000;

/** A broker as far as administration is concerned: real ownership, pools and database behind a real gRPC server. */
export interface AdminWorld extends AsyncDisposable {
  readonly db: Db;
  /** The operator's. */
  readonly client: AdminClient;
  readonly upstream: FakeUpstreamSide;
  clientOf: (token: string) => AdminClient;
}

/** What upstreams and proxies were asked, and what they answer. */
export interface FakeUpstreamSide {
  readonly trials: KeyTrial[];
  readonly checks: StoredProxy[];
  answer: (trial: KeyTrial) => KeyTestResult;
}

export interface AnyDocument {
  readonly _id: string;
  readonly [name: string]: unknown;
}

export const collectionOf = ({ db }: AdminWorld, name: string): Collection<AnyDocument> =>
  db.collection<AnyDocument>(name);

const PROVIDERS = PROVIDER_REGISTRY.map(({ name }) => name);
const POOL_CONFIG: PoolConfig = {
  keyState: KEY_STATE_DEFAULTS,
  attribution: ATTRIBUTION_DEFAULTS,
  affinity: AFFINITY_DEFAULTS,
  proxyHealth: PROXY_HEALTH_DEFAULTS,
  allowDirect: true,
  ttlMs: 15_000,
  waitMs: 250,
  defaultSlots: 50,
  floorKeys: 1,
  lowBackups: 1,
};

export async function startAdmin(): Promise<AdminWorld> {
  await using stack = new AsyncDisposableStack();
  const mongo = stack.use(
    await connectMongo({ url: testMongoUrl(), database: freshDatabaseName('admin'), appName: 'admin-test' }),
  );
  stack.defer(async () => {
    await mongo.db.dropDatabase();
  });
  const telemetry = stack.use(startTelemetry({ service: 'test', version: '0', instance: 'test', logLevel: 'silent' }));
  const clock = createPoolClock();
  const box = new SecretBox({ id: 'test', key: Buffer.alloc(32, 'k') });

  const onFaulty = (collection: string, id: string, fault: string): void => {
    throw new Error(`${collection}/${id} cannot be read: ${fault}`);
  };

  const work = async (owned: Owned): Promise<void> => {
    const spec = PROVIDER_REGISTRY.find(({ name }) => name === owned.id);
    if (spec === undefined) throw new Error(`${owned.id} is no provider`);
    const keeper = await PoolKeeper.open({
      spec,
      config: POOL_CONFIG,
      owned,
      store: new MongoPoolStore({ mongo, provider: spec.name, providers: PROVIDERS, box, onFaulty }).forOwner(owned),
      clock,
      random: Math.random,
      makeId: randomUUID,
      usedBackupTtlMs: USED_BACKUP_TTL_MS,
      events: { poolTaken: () => undefined, output: () => undefined, workFailed: () => undefined },
    });
    await offices.with(keeper, async () => {
      await runOwnedLoop(owned, async (idleMs) => await keeper.step(idleMs), 30_000);
    });
  };
  const ownership: Ownership = stack.use(
    await createOwnership({
      mongo,
      ids: PROVIDERS,
      holder: 'admin-test',
      address: '127.0.0.1:1',
      work,
      onEvent: () => undefined,
    }),
  );
  const offices = new Offices({ specs: PROVIDER_REGISTRY, notOwner: (id) => ownership.notOwner(id) });

  const upstream = fakeUpstreamSide();
  const admin = makeKeyAdmin({
    offices,
    clock,
    usedBackupTtlMs: USED_BACKUP_TTL_MS,
    tryKey: async (trial) => {
      upstream.trials.push(trial);
      return await Promise.resolve(upstream.answer(trial));
    },
    checkProxy: async (proxy) => {
      upstream.checks.push(proxy);
      return await Promise.resolve({ ok: true, message: '', latencyMs: 12.5 });
    },
  });
  const environment = {
    SERVICE_TOKENS: Object.entries(TOKENS)
      .map(([name, token]) => `${name}=${token}`)
      .join(','),
  };
  const { authenticate, grants } = readConfig(environment, (reader) => ({
    authenticate: readServiceTokens(reader),
    grants: readServiceGrants(reader, PROVIDERS),
  }));
  const services = [keyAdminService(admin, grants)];
  const server = stack.use(await startGrpcServer({ listen: '127.0.0.1:0', services, authenticate, telemetry }));
  await vi.waitFor(
    () => {
      for (const name of PROVIDERS) offices.get(name);
    },
    { timeout: 10_000 },
  );
  const connect = (token: string): AdminClient =>
    createGrpcClient(keyAdminV1.KeyAdminService, {
      address: `127.0.0.1:${server.port}`,
      token: new Secret(token),
      deadlineMs: 10_000,
      telemetry,
    });
  const client = stack.use(connect(TOKENS.operator));
  const resources = stack.move();
  return {
    db: mongo.db,
    client,
    upstream,
    clientOf: (token) => resources.use(connect(token)),
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

function fakeUpstreamSide(): FakeUpstreamSide {
  return {
    trials: [],
    checks: [],
    answer: () => ({ ok: true, status: 200, cause: 'success', message: '', latencyMs: 34.5 }),
  };
}
