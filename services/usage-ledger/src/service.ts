import { startGrpcServer } from '@omg/grpc';
import { USAGE_PARTITIONS, connectNats, ensureUsageStream } from '@omg/messaging';
import { connectMongo } from '@omg/mongo';
import { startProcess, type ProcessOverrides, type Service } from '@omg/service';
import { makeBootstrap } from './app/bootstrap.ts';
import { makeChargeMessages } from './app/charge-messages.ts';
import { CommitBoard } from './app/commit-board.ts';
import type { Clock } from './app/ports.ts';
import { makeQueryLogs } from './app/query-logs.ts';
import { makeResolveKey } from './app/resolve-key.ts';
import { makeUpdatePrices } from './app/update-prices.ts';
import { makeWatchCommitted } from './app/watch-committed.ts';
import type { Config } from './config.ts';
import { makeEvents } from './events.ts';
import { accountsService } from './grpc/accounts-service.ts';
import { usageService } from './grpc/usage-service.ts';
import { startReaders } from './messaging/start-readers.ts';
import { MongoAccounts } from './store/mongo-accounts.ts';
import { MongoBooks } from './store/mongo-books.ts';
import { MongoPrices } from './store/mongo-prices.ts';
import { MongoRequestLogs } from './store/mongo-request-logs.ts';

export interface Overrides extends ProcessOverrides {
  readonly clock?: Clock;
}

export interface LedgerService extends Service {
  readonly grpcPort: number;
}

/** Builds usage-ledger of its parts and starts it. */
export async function startService(config: Config, overrides: Overrides = {}): Promise<LedgerService> {
  await using stack = new AsyncDisposableStack();
  const clock = overrides.clock ?? { now: () => new Date() };
  const process = stack.use(await startProcess(config.process, overrides));
  const { telemetry, readiness } = process;
  const events = makeEvents(telemetry);

  const mongo = stack.use(
    await connectMongo({ url: config.mongoUrl, database: config.mongoDatabase, appName: 'usage-ledger' }),
  );
  const accounts = new MongoAccounts(mongo);
  const books = new MongoBooks(mongo);
  const logs = new MongoRequestLogs(mongo);
  await Promise.all([accounts.createIndexes(), books.createIndexes(), logs.createIndexes()]);
  await makeBootstrap({ accounts })(config.bootstrap);
  const prices = await makeUpdatePrices({ store: new MongoPrices(mongo), clock })(config.prices);

  const nats = stack.use(
    await connectNats({ url: config.natsUrl, name: 'usage-ledger', onStatus: events.natsConnection }),
  );
  const stream = { stream: config.stream, maxBytes: config.streamMaxBytes };
  await ensureUsageStream(nats, stream);
  const board = new CommitBoard();
  const charge = makeChargeMessages({
    books,
    prices: () => prices,
    clock,
    announce: (committed) => {
      board.announce(committed);
    },
  });
  stack.use(
    startReaders({
      nats,
      stream,
      position: async (partition) => await books.position(partition),
      charge,
      tracer: telemetry.tracer,
      onCharged: events.charged,
      onInterrupted: events.readingInterrupted,
    }),
  );

  const server = stack.use(
    await startGrpcServer({
      listen: config.grpcListen,
      tls: config.tls,
      authenticate: config.authenticate,
      telemetry,
      services: [
        accountsService({
          resolveKey: makeResolveKey({ accounts, clock }),
          watchCommitted: makeWatchCommitted({ board, books, partitions: USAGE_PARTITIONS }),
          snapshotTtlMs: config.snapshotTtlMs,
        }),
        usageService({ queryLogs: makeQueryLogs({ logs }) }),
      ],
    }),
  );
  server.setServing(true);
  readiness.check('mongodb', async () => {
    await mongo.ping(1_000);
    return true as const;
  });
  readiness.serve();
  telemetry.logger.info({ port: server.port, prices: config.prices.length }, 'listening');
  return { process, grpcPort: server.port, resources: stack.move() };
}
