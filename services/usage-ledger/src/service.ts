import { randomUUIDv7 } from 'node:crypto';
import { startGrpcServer } from '@omg/grpc';
import { USAGE_PARTITIONS, connectNats, ensureUsageStream } from '@omg/messaging';
import { connectMongo, createOwnership } from '@omg/mongo';
import { pause, startProcess, type ProcessOverrides, type Service } from '@omg/service';
import { makeAccountsAdmin } from './app/admin/accounts-admin.ts';
import { makeBootstrap } from './app/bootstrap.ts';
import { makeChargeMessages } from './app/charge-messages.ts';
import { CommitBoard } from './app/commit-board.ts';
import type { Clock } from './app/ports.ts';
import { makeListRefusals } from './app/list-refusals.ts';
import { makeQueryLogs } from './app/query-logs.ts';
import { makeSeries } from './app/questions/series.ts';
import { makeSummarise } from './app/questions/summarise.ts';
import { makeOwnAccount } from './app/own-account.ts';
import { makeResolveKey } from './app/resolve-key.ts';
import { keepRollups } from './app/rollups-keep.ts';
import { makeProjectRollups } from './app/rollups-project.ts';
import { makeUpdatePrices } from './app/update-prices.ts';
import { makeWatchCommitted } from './app/watch-committed.ts';
import type { Config } from './config.ts';
import { makeEvents } from './events.ts';
import { accountsAdminService } from './grpc/accounts-admin-service.ts';
import { accountsService } from './grpc/accounts-service.ts';
import { usageService } from './grpc/usage-service.ts';
import { readPartition } from './messaging/partition-reader.ts';
import { readRefusals } from './messaging/refusal-reader.ts';
import { traceCharges } from './messaging/trace-charges.ts';
import { partitionId, partitionOfId } from './domain/partition-id.ts';
import { MongoAccountAdmin } from './store/mongo-account-admin.ts';
import { MongoAccounts } from './store/mongo-accounts.ts';
import { MongoBooks } from './store/mongo-books.ts';
import { MongoBudgetSpending } from './store/mongo-budget-spending.ts';
import { MongoPrices } from './store/mongo-prices.ts';
import { MongoRefusals } from './store/mongo-refusals.ts';
import { MongoRequestLogs } from './store/mongo-request-logs.ts';
import { MongoRollups } from './store/mongo-rollups.ts';
import { readStatedPrices } from './stated-prices.ts';
import { watchFiles } from './watch-files.ts';

export interface Overrides extends ProcessOverrides {
  readonly clock?: Clock;
}

export interface LedgerService extends Service {
  readonly grpcPort: number;
}

/** What the owner of the counts of refused requests is registered under. */
const REFUSALS_ID = 'refusals';
const LOOK_EVERY_MS = 1_000;
const SITE_FILES_EVERY_MS = 2_000;

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
  const refusals = new MongoRefusals(mongo);
  const rollups = new MongoRollups(mongo);
  const priceStore = new MongoPrices(mongo);
  await Promise.all([
    accounts.createIndexes(),
    books.createIndexes(),
    logs.createIndexes({ retentionMs: config.logRetentionMs }),
    refusals.createIndexes({ retentionMs: config.logRetentionMs }),
    rollups.createIndexes(),
  ]);
  const accountAdmin = new MongoAccountAdmin(mongo);
  await accountAdmin.createIndexes();
  await makeBootstrap({ store: accountAdmin, clock, makeId: randomUUIDv7 })(config.bootstrap);
  const updatePrices = makeUpdatePrices({ store: priceStore, clock });
  let prices = await updatePrices(config.prices);
  stack.use(
    watchFiles({
      paths: config.siteFiles,
      everyMs: SITE_FILES_EVERY_MS,
      onChange: async () => {
        prices = await updatePrices(config.siteFiles.flatMap(readStatedPrices));
        events.pricesRead(config.siteFiles);
      },
      onFailed: events.pricesRefused,
    }),
  );

  const nats = stack.use(
    await connectNats({ url: config.natsUrl, name: 'usage-ledger', onStatus: events.natsConnection }),
  );
  const stream = { stream: config.stream, maxBytes: config.streamMaxBytes };
  await ensureUsageStream(nats, stream);
  const board = new CommitBoard();
  stack.use(
    keepRollups({
      project: makeProjectRollups({
        store: rollups,
        prices: priceStore,
        partitions: USAGE_PARTITIONS,
        batchLogs: 5_000,
        batchRows: 1_000,
      }),
      onProjected: events.projected,
      onInterrupted: events.projectionInterrupted,
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
          hasGrant: config.hasGrant,
          resolveKey: makeResolveKey({ accounts, clock, snapshotTtlMs: config.snapshotTtlMs }),
          ownAccount: makeOwnAccount({
            store: accountAdmin,
            spending: new MongoBudgetSpending(mongo),
            logs,
            defaults: config.defaults,
            clock,
          }),
          watchCommitted: makeWatchCommitted({
            board,
            books,
            partitions: USAGE_PARTITIONS,
            lookEveryMs: LOOK_EVERY_MS,
            pause,
          }),
          snapshotTtlMs: config.snapshotTtlMs,
        }),
        accountsAdminService(
          makeAccountsAdmin({
            store: accountAdmin,
            prices: priceStore,
            clock,
            makeId: randomUUIDv7,
            defaults: config.defaults,
          }),
          config.hasGrant,
        ),
        usageService({
          queryLogs: makeQueryLogs({ logs, partitions: USAGE_PARTITIONS }),
          summarise: makeSummarise({ rollups }),
          series: makeSeries({ rollups }),
          listRefusals: makeListRefusals({ refusals }),
        }),
      ],
    }),
  );
  stack.use(
    await createOwnership({
      mongo,
      ids: [...Array.from({ length: USAGE_PARTITIONS }, (_, partition) => partitionId(partition)), REFUSALS_ID],
      holder: randomUUIDv7(),
      address: config.advertise(server.port),
      onEvent: events.ownership,
      work: async (owned) => {
        if (owned.id === REFUSALS_ID) {
          await readRefusals({
            nats,
            stream: { stream: config.refusalsStream, maxBytes: config.refusalsStreamMaxBytes },
            owned,
            refusals: refusals.forOwner(owned),
            onUnreadable: events.refusalsUnreadable,
            onInterrupted: events.countingRefusalsInterrupted,
          });
          return;
        }
        const ownBooks = books.forOwner(owned);
        await readPartition({
          nats,
          stream,
          partition: partitionOfId(owned.id),
          owned,
          position: ownBooks.position,
          charge: makeChargeMessages({
            books: ownBooks,
            prices: () => prices,
            clock,
            announce: (committed) => {
              board.announce(committed);
            },
          }),
          onCharged: (result, messages) => {
            events.charged(result);
            traceCharges(telemetry.tracer, messages);
          },
          onInterrupted: events.readingInterrupted,
        });
      },
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
