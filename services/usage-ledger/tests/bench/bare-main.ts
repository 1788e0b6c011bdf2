// What MongoDB and its driver cost by themselves: the reads and writes of charging with documents that are made beforehand.
import { processCpuMs } from '@omg/bench';
import { readConfig, readEnvironment } from '@omg/config';
import { connectMongo, type Mongo } from '@omg/mongo';
import type { UsageRecord } from '../../src/domain/usage-record.ts';
import { parseUsageEvent } from '../../src/messaging/parse-usage-event.ts';
import { MongoBooks } from '../../src/store/mongo-books.ts';
import { MongoRequestLogs } from '../../src/store/mongo-request-logs.ts';
import { toRequestLogDocument, type RequestLogDocument } from '../../src/store/request-log-document.ts';
import { makeAccounts } from './books.ts';
import { makeUsage } from './synthetic-usage.ts';

const LIST_EVENTS = 500;
const RETENTION_MS = 90 * 86_400_000;

/** What one transaction writes. */
interface List {
  readonly partition: number;
  readonly logs: readonly RequestLogDocument[];
  /** One for each account: what it has spent. */
  readonly spent: ReadonlyMap<string, bigint>;
}

const config = readConfig(readEnvironment(), (reader) => ({
  url: reader.url('MONGODB_URL', ['mongodb']),
  database: reader.string('MONGODB_DATABASE'),
  accounts: reader.integer('BENCH_ACCOUNTS', { min: 1 }),
  events: reader.integer('BENCH_EVENTS', { min: 1 }),
  mongodPid: reader.integer('BENCH_MONGOD_PID', { min: 0 }),
}));
const mongodCpuMs = async (): Promise<number | undefined> => await processCpuMs(config.mongodPid);
await using mongo = await connectMongo({ url: config.url, database: config.database, appName: 'bench-bare' });
await new MongoBooks(mongo).createIndexes();
await new MongoRequestLogs(mongo).createIndexes({ retentionMs: RETENTION_MS });
await makeAccounts(mongo.db, config.accounts);
const lanes = Map.groupBy(listsOf(config.accounts, config.events), ({ partition }) => partition);
await mongo.db
  .collection<{ _id: string; seq: bigint }>('fences')
  .insertMany([...lanes.keys()].map((partition) => ({ _id: `accounts-${partition}`, seq: 0n })));
const [cpu, mongodFromMs, startedMs] = [process.cpuUsage(), await mongodCpuMs(), performance.now()];
await Promise.all(
  [...lanes].map(async ([, lists]) => {
    for (const list of lists) await write(mongo, list);
  }),
);
const wallMs = performance.now() - startedMs;
const { user, system } = process.cpuUsage(cpu);
const mongodToMs = await mongodCpuMs();
const mongodMs = mongodToMs === undefined || mongodFromMs === undefined ? undefined : mongodToMs - mongodFromMs;
process.stdout.write(`${JSON.stringify({ wallMs, cpuMs: (user + system) / 1_000, mongodMs })}\n`);

function listsOf(accounts: number, count: number): readonly List[] {
  const records = makeUsage({ accounts, count }).batches.flatMap(({ events }) => events.map(recordOf));
  return [...Map.groupBy(records, ({ partition }) => partition)].flatMap(([partition, all]) =>
    Array.from({ length: Math.ceil(all.length / LIST_EVENTS) }, (_, at) =>
      listOf(partition, all.slice(at * LIST_EVENTS, (at + 1) * LIST_EVENTS)),
    ),
  );
}

function recordOf(event: Parameters<typeof parseUsageEvent>[0]): UsageRecord {
  const { content } = parseUsageEvent(event);
  if ('fault' in content) throw new Error(content.fault);
  return content;
}

function listOf(partition: number, records: readonly UsageRecord[]): List {
  const spent = new Map<string, bigint>();
  const chargedAt = new Date();
  const logs = records.map((record) => {
    spent.set(record.tenantId, (spent.get(record.tenantId) ?? 0n) + 1n);
    const charge = { costNanoUsd: 1n, creditType: 'credits', priceVersion: 'bare@1' } as const;
    return toRequestLogDocument({ ...charge, record, entryId: record.requestId, chargedAt });
  });
  return { partition, logs, spent };
}

async function write({ db, transaction }: Mongo, { partition, logs, spent }: List): Promise<void> {
  const collection = <T extends object>(name: string) => db.collection<T & { _id: string }>(name);
  const ids = logs.map(({ _id }) => _id);
  await collection('request_logs')
    .find({ _id: { $in: ids } }, { projection: { _id: 1 } })
    .toArray();
  await transaction(async (session) => {
    await collection<{ seq: bigint }>('fences').updateOne(
      { _id: `accounts-${partition}` },
      { $inc: { seq: 1n } },
      { session },
    );
    await collection<{ spentNanoUsd: bigint }>('tenants').bulkWrite(
      [...spent].map(([_id, nanoUsd]) => ({
        updateOne: { filter: { _id }, update: { $inc: { spentNanoUsd: nanoUsd } } },
      })),
      { session },
    );
    await collection<RequestLogDocument>('request_logs').insertMany([...logs], { session });
    const entries = [...spent].map(([tenantId, nanoUsd], at) => ({
      _id: `${ids[0] ?? ''}/${at}`,
      tenantId,
      partition,
      kind: 'usage',
      nanoUsd,
      requests: 1,
      at: new Date(),
    }));
    await collection<(typeof entries)[number]>('entries').insertMany(entries, { session });
  });
}
