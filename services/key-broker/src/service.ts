import { randomUUID } from 'node:crypto';
import { startGrpcServer } from '@omg/grpc';
import { connectMongo } from '@omg/mongo';
import { repeat, startProcess, type ProcessOverrides, type Service } from '@omg/service';
import { makeAcquireLeases } from './app/acquire-leases.ts';
import { makeListProviders } from './app/list-providers.ts';
import { Pools } from './app/pools.ts';
import type { Clock } from './app/ports.ts';
import { makeReleaseLeases } from './app/release-leases.ts';
import { makeRenewLeases } from './app/renew-leases.ts';
import type { Config } from './config.ts';
import { makeEvents } from './events.ts';
import { keyBrokerService } from './grpc/key-broker-service.ts';
import { MongoKeyStore } from './store/mongo-key-store.ts';
import { SecretBox } from './store/secret-box.ts';

export interface Overrides extends ProcessOverrides {
  readonly clock?: Clock;
}

export interface BrokerService extends Service {
  readonly grpcPort: number;
}

/** Builds key-broker of its parts and starts it. */
export async function startService(config: Config, overrides: Overrides = {}): Promise<BrokerService> {
  await using stack = new AsyncDisposableStack();
  // a clock that nobody sets back: leases run by it
  const clock = overrides.clock ?? { nowMs: () => performance.timeOrigin + performance.now() };
  const process = stack.use(await startProcess(config.process, overrides));
  const { telemetry, readiness } = process;
  const events = makeEvents(telemetry);
  const mongo = stack.use(
    await connectMongo({ url: config.mongoUrl, database: config.mongoDatabase, appName: 'key-broker' }),
  );

  const names = config.providers.map(({ provider }) => provider.name);
  const [currentKey, ...earlierKeys] = config.encryptionKeys;
  const store = new MongoKeyStore({
    mongo,
    box: new SecretBox(currentKey, earlierKeys),
    onFaulty: events.keyDocumentFaulty,
  });
  await store.createIndexes(names);
  for (const { provider, environmentKeys } of config.providers) {
    if (environmentKeys !== undefined) await store.syncEnvironmentKeys(provider.name, environmentKeys);
  }
  const pools = new Pools(
    config.providers.map(({ provider }) => provider),
    store,
  );
  await pools.reload();
  stack.use(
    repeat(
      config.reloadEveryMs,
      async () => {
        await pools.reload();
      },
      events.reloadFailed,
    ),
  );

  const { leaseTtlMs } = config;
  const server = stack.use(
    await startGrpcServer({
      listen: config.grpcListen,
      tls: config.tls,
      authenticate: config.authenticate,
      telemetry,
      services: [
        keyBrokerService({
          acquireLeases: makeAcquireLeases({ pools, clock, makeId: randomUUID, leaseTtlMs }),
          renewLeases: makeRenewLeases({ pools, clock, leaseTtlMs }),
          releaseLeases: makeReleaseLeases({ pools }),
          listProviders: makeListProviders({ pools, clock }),
        }),
      ],
    }),
  );
  server.setServing(true);
  readiness.check('mongodb', async () => {
    await mongo.ping(1_000);
    return true as const;
  });
  readiness.serve();
  telemetry.logger.info({ port: server.port, providers: names }, 'listening');
  return { process, grpcPort: server.port, resources: stack.move() };
}
