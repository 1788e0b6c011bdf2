import type { Mongo } from '@omg/mongo';
import { makeProjectRollups } from '../../../src/app/rollups-project.ts';
import { PriceBook } from '../../../src/domain/price-book.ts';
import { MongoRollups } from '../../../src/store/mongo-rollups.ts';
import { toRequestLogDocument, type RequestLogDocument } from '../../../src/store/request-log-document.ts';
import { toUsageRecord } from './synthetic-record.ts';
import { POPULATION, PRICES, YEAR, requestsOfDay } from './synthetic-year.ts';

const BACKLOG_MS = 900_000;

export interface ProjectionSpeed {
  readonly name: string;
  readonly logs: number;
  readonly rows: number;
  readonly perSecond: number;
}

/** How fast logs that wait go into the rollups; leaves the rollups empty. */
export async function measureProjection(
  mongo: Mongo,
  { logs: count }: { readonly logs: number },
): Promise<readonly ProjectionSpeed[]> {
  const results: ProjectionSpeed[] = [];
  for (const [name, tenants] of [
    ['1 account', 1],
    ['50 accounts', 50],
    ['10,000 accounts', 10_000],
  ] as const) {
    await mongo.db.collection<RequestLogDocument>('request_logs').insertMany(makeBacklog(tenants, count));
    const project = makeProjectRollups({
      store: new MongoRollups(mongo),
      prices: { all: async () => await Promise.resolve(PRICES) },
      partitions: 8,
      batchLogs: 5_000,
      batchRows: 1_000,
    });
    const begin = performance.now();
    let [logs, rows] = [0, 0];
    for (;;) {
      const projected = await project();
      if (projected.logs === 0) break;
      logs += projected.logs;
      rows += projected.rows;
    }
    if (logs !== count) throw new Error(`${logs} logs of ${count} were projected`);
    const perSecond = Math.round((logs / (performance.now() - begin)) * 1_000);
    results.push({ name, logs, rows, perSecond });
    for (const collection of ['rollups', 'rollup_timings']) await mongo.db.collection(collection).deleteMany({});
  }
  await mongo.db.collection('request_logs').deleteMany({});
  return results;
}

/** Logs that were charged and not projected, all of a quarter of an hour. */
function makeBacklog(tenants: number, count: number): RequestLogDocument[] {
  const population = { ...POPULATION, tenants, keysPerTenant: 1, upstreamKeys: 100 };
  const prices = new PriceBook(PRICES);
  return [...requestsOfDay({ startMs: YEAR.startMs, count }, population)].map((entry) => {
    const acceptedAtMs = YEAR.startMs + (entry.acceptedAtMs % BACKLOG_MS);
    const record = toUsageRecord({ ...entry, acceptedAtMs }, { epoch: 'bench', number: 1n });
    return toRequestLogDocument({
      record,
      costNanoUsd: entry.costNanoUsd,
      creditType: 'credits',
      priceVersion: prices.find(record.site, record.model, record.acceptedAt)?.version ?? '',
      entryId: record.requestId,
      chargedAt: record.acceptedAt,
    });
  });
}
