import { randomUUIDv7 } from 'node:crypto';
import { OmgError } from '@omg/errors';
import { startGrpcServer } from '@omg/grpc';
import { USAGE_PARTITIONS, connectNats, ensureUsageStream, lastUsageSeq, partitionOf } from '@omg/messaging';
import { connectMongo, createOwnership, type Ownership } from '@omg/mongo';
import { createSleepAwareClock } from '@omg/quota-link';
import { pause, startProcess, watchFiles, type ProcessOverrides, type Service } from '@omg/service';
import { makeAccountsAdmin } from './app/admin/accounts-admin.ts';
import { AllowanceOffices } from './app/allowances/allowance-offices.ts';
import { makeHoldAllowances } from './app/allowances/hold-allowances.ts';
import { outstandingBooks } from './app/allowances/outstanding-books.ts';
import { makeReconcile } from './app/audit/reconcile.ts';
import { Backlog } from './app/backlog.ts';
import { makeBootstrap } from './app/bootstrap.ts';
import { CommitBoard, EVERYTHING, PRICES, type Committed } from './app/commit-board.ts';
import { makeGetDeadLetter, makeListDeadLetters } from './app/dead-letters/list-dead-letters.ts';
import { makeReplayDeadLetters } from './app/dead-letters/replay-dead-letters.ts';
import type { Clock, UsageMessage } from './app/ports.ts';
import { makeListRefusals } from './app/list-refusals.ts';
import { makeQueryLogs } from './app/query-logs.ts';
import { makeSeries } from './app/questions/series.ts';
import { makeSummarise } from './app/questions/summarise.ts';
import { makeOwnAccount } from './app/own-account.ts';
import { makeResolveKey } from './app/resolve-key.ts';
import { keepRollups } from './app/rollups-keep.ts';
import { makeProjectRollups } from './app/rollups-project.ts';
import { dearestRequestNanoUsd, makeUpdatePrices } from './app/update-prices.ts';
import { makeWatchCommitted } from './app/watch-committed.ts';
import type { Config } from './config.ts';
import { makeEvents } from './events.ts';
import { accountsAdminService } from './grpc/accounts-admin-service.ts';
import { accountsService } from './grpc/accounts-service.ts';
import { auditService } from './grpc/audit-service.ts';
import { deadLettersService } from './grpc/dead-letters-service.ts';
import { keepGarbageYoung } from './keep-garbage-young.ts';
import { usageService } from './grpc/usage-service.ts';
import { readPartition, type PartitionReaderOptions } from './messaging/partition-reader.ts';
import { keepStream } from './messaging/keep-stream.ts';
import { readRefusals } from './messaging/refusal-reader.ts';
import { readEvent } from './messaging/read-event.ts';
import { traceCharges } from './messaging/trace-charges.ts';
import { usageEventStream } from './messaging/usage-event-stream.ts';
import { partitionId } from './domain/partition-id.ts';
import { MongoAudit } from './store/audit/mongo-audit.ts';
import { MongoAccountAdmin } from './store/mongo-account-admin.ts';
import { MongoAccounts } from './store/mongo-accounts.ts';
import { MongoAllowances } from './store/mongo-allowances.ts';
import { MongoBooks } from './store/mongo-books.ts';
import { MongoDeadLetters } from './store/mongo-dead-letters.ts';
import { MongoPrices } from './store/mongo-prices.ts';
import { MongoRefusals } from './store/mongo-refusals.ts';
import { MongoRequestLogs } from './store/mongo-request-logs.ts';
import { MongoRollups } from './store/mongo-rollups.ts';
import { idOf } from './store/rollup-document.ts';
import { watchAccounts } from './store/watch-accounts.ts';
import { workOnPartition } from './partition-work.ts';
import { readStatedPrices } from './stated-prices.ts';

export interface Overrides extends ProcessOverrides {
  readonly clock?: Clock;
}

export interface LedgerService extends Service {
  readonly grpcPort: number;
}

/** What the owner of the counts of refused requests is registered under. */
const REFUSALS_ID = 'refusals';
const LOOK_EVERY_MS = 1_000;
/** As many as one transaction charges where routers send full ones. */
const MANY_MESSAGES = 20;
const SITE_FILES_EVERY_MS = 2_000;
const REPLAY_WAIT_MS = 5_000;
/** Adding up all entries of a large database. */
const AUDIT_CALL_TIMEOUT_MS = 10 * 60_000;

/** Builds usage-ledger of its parts and starts it. */
export async function startService(config: Config, overrides: Overrides = {}): Promise<LedgerService> {
  keepGarbageYoung();
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
  const allowances = new MongoAllowances(mongo, books);
  await Promise.all([accountAdmin.createIndexes(), allowances.createIndexes()]);
  await makeBootstrap({ store: accountAdmin, clock, makeId: randomUUIDv7 })(config.bootstrap);
  const board = new CommitBoard();
  const updatePrices = makeUpdatePrices({ store: priceStore, clock });
  let stated = config.prices;
  let prices = await updatePrices(stated);
  events.unpriced(prices.unpriced);
  stack.use(
    watchFiles({
      paths: config.siteFiles,
      everyMs: SITE_FILES_EVERY_MS,
      onChange: async () => {
        stated = config.siteFiles.flatMap(readStatedPrices);
        prices = await updatePrices(stated);
        board.announceChanged(PRICES);
        events.pricesRead(config.siteFiles);
        events.unpriced(prices.unpriced);
      },
      onFailed: events.pricesRefused,
    }),
  );

  const nats = stack.use(
    await connectNats({ url: config.natsUrl, name: 'usage-ledger', onStatus: events.natsConnection }),
  );
  const stream = { stream: config.stream, maxBytes: config.streamMaxBytes };
  await ensureUsageStream(nats, stream);
  const backlog = new Backlog();
  const streamKeeper = stack.use(
    keepStream({
      nats,
      stream: config.stream,
      keepMs: config.streamKeepMs,
      onState: events.streamState,
      onPurged: events.streamPurged,
      onFailed: events.keepingStreamFailed,
    }),
  );
  stack.use(
    keepRollups({
      project: makeProjectRollups({
        store: rollups,
        prices: priceStore,
        partitions: USAGE_PARTITIONS,
        batchLogs: 5_000,
        batchRows: 1_000,
      }),
      isBehind: () => backlog.messages >= MANY_MESSAGES,
      onProjected: events.projected,
      onInterrupted: events.projectionInterrupted,
    }),
  );

  // it is made later, and nobody asks before it listens
  let ownership: Ownership | undefined;
  const offices = new AllowanceOffices(
    (partition) =>
      ownership?.notOwner(partitionId(partition)) ?? new OmgError('unavailable', 'the service is still starting'),
  );
  stack.use(
    watchAccounts({
      mongo,
      onChanged: (tenantId) => {
        for (const keeper of offices.all) keeper.accountChanged(tenantId);
        board.announceChanged(tenantId);
      },
      onAllChanged: () => {
        for (const keeper of offices.all) keeper.allChanged();
        board.announceChanged(EVERYTHING);
      },
      onError: events.watchingInterrupted,
    }),
  );
  const auditMongo = stack.use(
    await connectMongo({
      url: config.mongoUrl,
      database: config.mongoDatabase,
      appName: 'usage-ledger-audit',
      callTimeoutMs: AUDIT_CALL_TIMEOUT_MS,
    }),
  );
  const reporting = {
    defaults: config.defaults,
    clock,
    dearestRequestNanoUsd: () => dearestRequestNanoUsd(stated),
  };
  const deadLetters = new MongoDeadLetters(mongo);
  const known = async (requestIds: readonly string[]) => await books.known(requestIds);

  const server = stack.use(
    await startGrpcServer({
      listen: config.grpcListen,
      tls: config.tls,
      authenticate: config.authenticate,
      telemetry,
      services: [
        accountsService({
          hasGrant: config.hasGrant,
          resolveKey: makeResolveKey({
            accounts,
            clock,
            snapshotTtlMs: config.snapshotTtlMs,
            defaults: config.defaults,
          }),
          holdAllowances: makeHoldAllowances({ offices, makeId: randomUUIDv7 }),
          pricesAt: (site) => prices.current(site),
          ownAccount: makeOwnAccount({ ...reporting, store: accountAdmin, logs }),
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
            makeId: randomUUIDv7,
            ...reporting,
          }),
          config.hasGrant,
        ),
        usageService({
          queryLogs: makeQueryLogs({ logs, partitions: USAGE_PARTITIONS }),
          summarise: makeSummarise({ rollups, clock }),
          series: makeSeries({ rollups }),
          listRefusals: makeListRefusals({ refusals }),
        }),
        auditService(
          makeReconcile({
            store: new MongoAudit(auditMongo),
            letters: deadLetters,
            outstanding: outstandingBooks(offices, USAGE_PARTITIONS),
            prices: priceStore,
            partitions: USAGE_PARTITIONS,
            partitionOf,
            rowId: idOf,
            readEvent,
            known,
            pause,
            clock,
            retentionMs: config.logRetentionMs,
          }),
          config.hasGrant,
        ),
        deadLettersService(
          {
            list: makeListDeadLetters(deadLetters),
            get: makeGetDeadLetter(deadLetters),
            replay: makeReplayDeadLetters({
              letters: deadLetters,
              stream: usageEventStream(nats, config.stream),
              readEvent,
              known,
              pause,
              waitMs: REPLAY_WAIT_MS,
            }),
            onReplayed: events.lettersReplayed,
          },
          config.hasGrant,
        ),
      ],
    }),
  );
  const partitionWork = {
    store: allowances,
    defaults: config.defaults,
    nowMs: createSleepAwareClock(),
    books,
    prices: () => prices,
    clock,
    announce: (committed: readonly Committed[]) => {
      board.announce(committed);
    },
    partitionOf,
    readPartition: async (options: Omit<PartitionReaderOptions, 'nats' | 'stream'>) => {
      await readPartition({ nats, stream, ...options });
    },
    lastSeq: async (partition: number) => await lastUsageSeq(nats, config.stream, partition),
    streamKeeper,
    backlog,
    offices,
    events,
    trace: (messages: readonly UsageMessage[]) => {
      traceCharges(telemetry.tracer, messages);
    },
  };
  ownership = stack.use(
    await createOwnership({
      mongo,
      ids: [...Array.from({ length: USAGE_PARTITIONS }, (_, partition) => partitionId(partition)), REFUSALS_ID],
      holder: randomUUIDv7(),
      address: config.advertise(server.port),
      onEvent: events.ownership,
      work: async (owned) => {
        if (owned.id !== REFUSALS_ID) {
          await workOnPartition(owned, partitionWork);
          return;
        }
        await readRefusals({
          nats,
          stream: { stream: config.refusalsStream, maxBytes: config.refusalsStreamMaxBytes },
          owned,
          refusals: refusals.forOwner(owned),
          onUnreadable: events.refusalsUnreadable,
          onInterrupted: events.countingRefusalsInterrupted,
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
