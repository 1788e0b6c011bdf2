import { randomUUIDv7 } from 'node:crypto';
import { OmgError } from '@omg/errors';
import { startGrpcServer } from '@omg/grpc';
import { connectMongo, createOwnership, type Ownership } from '@omg/mongo';
import { startProcess, type ProcessOverrides, type Service } from '@omg/service';
import { makeAcquireLeases } from './app/acquire-leases.ts';
import { makeKeyAdmin } from './app/admin/key-admin.ts';
import { makeHold } from './app/hold.ts';
import { makeListProviders } from './app/list-providers.ts';
import { createPoolClock, type PoolClock } from './app/pool-clock.ts';
import { Offices } from './app/pool-offices.ts';
import { makeReleaseLeases } from './app/release-leases.ts';
import { makeRenewLeases } from './app/renew-leases.ts';
import { makeReportOutcomes } from './app/report-outcomes.ts';
import { addressOf } from './app/to-facts.ts';
import { checkProxy, checkTargetOf } from './clients/check-proxy.ts';
import { testKey } from './clients/test-key.ts';
import type { Config } from './config.ts';
import { makeEvents } from './events.ts';
import { keyAdminService } from './grpc/key-admin-service.ts';
import { keyBrokerService } from './grpc/key-broker-service.ts';
import { NatsLater } from './messaging/nats-later.ts';
import { makePublishServiceUse } from './messaging/publish-service-use.ts';
import { workOnPool } from './pool-work.ts';
import { createPoolIndexes } from './store/pool-indexes.ts';
import { MongoPoolStore } from './store/mongo-pool-store.ts';
import { SecretBox } from './store/secret-box.ts';
import { PROXIES, watchChanges } from './store/watch-changes.ts';

export interface Overrides extends ProcessOverrides {
  readonly clock?: PoolClock;
  readonly random?: () => number;
}

export interface BrokerService extends Service {
  readonly grpcPort: number;
}

const CHECK_TIMEOUT_MS = 10_000;
/** Shorter than the deadlines of callers, so that they learn why. */
const PUBLISH_TIMEOUT_MS = 1_500;

/** Builds key-broker of its parts and starts it. */
export async function startService(config: Config, overrides: Overrides = {}): Promise<BrokerService> {
  await using stack = new AsyncDisposableStack();
  const { clock = createPoolClock(), random = Math.random } = overrides;
  const process = stack.use(await startProcess(config.process, overrides));
  const { telemetry, readiness } = process;
  const events = makeEvents(telemetry);
  const epoch = randomUUIDv7();
  const specs = config.providers.map(({ spec }) => spec);
  const providers = specs.map(({ name }) => name);
  const mongo = stack.use(
    await connectMongo({ url: config.mongoUrl, database: config.mongoDatabase, appName: 'key-broker' }),
  );
  const [currentKey, ...earlierKeys] = config.encryptionKeys;
  const box = new SecretBox(currentKey, earlierKeys);
  await createPoolIndexes(mongo, providers, events.documentFaulty);
  const stores = new Map<string, MongoPoolStore>();
  for (const { spec, environmentKeys } of config.providers) {
    const store = new MongoPoolStore({
      mongo,
      provider: spec.name,
      providers,
      box,
      onFaulty: events.documentFaulty,
      config: config.pool.keyState,
      nowMs: clock.nowMs,
    });
    stores.set(spec.name, store);
    if (environmentKeys !== undefined) await store.syncEnvironmentKeys(environmentKeys);
  }
  const nats = stack.use(
    new NatsLater({ url: config.natsUrl, name: config.process.instance, onStatus: events.natsConnection }),
  );

  // who owns what is known when the address is; the server has to listen before
  let ownership: Ownership | undefined;
  const offices = new Offices({
    specs,
    notOwner: (provider) => ownership?.notOwner(provider) ?? new OmgError('unavailable', 'key-broker is starting'),
  });
  const keyAdmin = makeKeyAdmin({
    offices,
    clock,
    usedBackupTtlMs: config.usedBackupTtlMs,
    checkProxy: async (proxy, provider, signal) =>
      await checkProxy(addressOf(proxy), checkTargetOf(provider), { timeoutMs: CHECK_TIMEOUT_MS, signal }),
    tryKey: async ({ proxy, ...trial }, signal) =>
      await testKey({ ...trial, proxy: proxy === undefined ? undefined : addressOf(proxy) }, { signal }),
  });
  const server = stack.use(
    await startGrpcServer({
      listen: config.grpcListen,
      tls: config.tls,
      authenticate: config.authenticate,
      telemetry,
      services: [
        keyBrokerService({
          hold: makeHold({ offices, makeId: randomUUIDv7, onHolder: events.holder }),
          acquireLeases: makeAcquireLeases({ offices, clock, makeId: randomUUIDv7 }),
          renewLeases: makeRenewLeases({ offices, clock, ttlMs: config.pool.ttlMs }),
          releaseLeases: makeReleaseLeases({ offices, clock }),
          reportOutcomes: makeReportOutcomes({
            offices,
            nowMs: clock.nowMs,
            publish: makePublishServiceUse({
              nats: () => nats.now(),
              stream: config.stream,
              epoch,
              timeoutMs: PUBLISH_TIMEOUT_MS,
            }),
          }),
          listProviders: makeListProviders({
            offices,
            clock,
            ownerOf: (provider) => ownership?.ownerOf(provider)?.address ?? '',
          }),
          mayLease: (service, provider) => {
            // one that does not exist is told apart later
            if (!providers.includes(provider) || config.grants.mayLease(service, provider)) return;
            throw new OmgError('permission_denied', `${service} may not lease keys of ${provider} (SERVICE_GRANTS)`);
          },
        }),
        keyAdminService(keyAdmin, config.grants),
      ],
    }),
  );
  const address = config.advertise(server.port);
  const owning = stack.use(
    await createOwnership({
      mongo,
      ids: providers,
      holder: epoch,
      address,
      onEvent: events.ownership,
      work: async (owned) => {
        const spec = specs.find(({ name }) => name === owned.id);
        const store = stores.get(owned.id);
        if (spec === undefined || store === undefined) throw new Error(`there is no provider ${owned.id}`);
        await workOnPool(owned, {
          spec,
          config: config.pool,
          store: store.forOwner(owned),
          clock,
          random,
          makeId: randomUUIDv7,
          usedBackupTtlMs: config.usedBackupTtlMs,
          events,
          offices,
          nats,
          stream: config.stream,
          countEveryMs: config.countEveryMs,
          onCountingFailed: (error) => {
            events.countingFailed(owned.id, error);
          },
          checkProxy: async (proxy, signal) =>
            await checkProxy(proxy, checkTargetOf(spec), { timeoutMs: CHECK_TIMEOUT_MS, signal }),
        });
      },
    }),
  );
  ownership = owning;
  stack.use(
    watchChanges({
      mongo,
      providers,
      onChange: (what) => {
        for (const keeper of offices.all) {
          if (what === PROXIES || what === keeper.provider.name) keeper.changedOutside();
        }
      },
      onError: events.watchFailed,
    }),
  );

  server.setServing(true);
  readiness.check('mongodb', async () => {
    await mongo.ping(1_000);
    return true as const;
  });
  readiness.check('pools', () => {
    const orphan = providers.find((name) => offices.find(name) === undefined && !isElsewhere(owning, name, epoch));
    return orphan === undefined ? true : `the pool of ${orphan} has no owner at the moment`;
  });
  readiness.serve();
  telemetry.logger.info({ port: server.port, address, providers }, 'listening');
  return { process, grpcPort: server.port, resources: stack.move() };
}

function isElsewhere(ownership: Ownership, provider: string, self: string): boolean {
  const owner = ownership.ownerOf(provider);
  return owner !== undefined && owner.holder !== self;
}
