import { randomUUIDv7 } from 'node:crypto';
import type { Mongo } from '@omg/mongo';
import { makeProjectRollups } from '../src/app/rollups-project.ts';
import type { ChargedRequest } from '../src/domain/usage-record.ts';
import { MongoRollups } from '../src/store/mongo-rollups.ts';
import { toRequestLogDocument, type RequestLogDocument } from '../src/store/request-log-document.ts';
import { YEAR } from './load-year.ts';
import { requestsOfDay } from './synthetic-year.ts';

const LOGS = 20_000;
const PRICE = {
  version: 'bench@1',
  site: 'bench',
  model: 'bench',
  validFrom: new Date(0),
  price: {
    rates: { input: 0n, output: 16_500_000_000n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 330_000_000n },
    tiers: [],
    multiplierNano: 1_050_000_000n,
  },
};

export interface ProjectionSpeed {
  readonly name: string;
  readonly logs: number;
  readonly rows: number;
  readonly perSecond: number;
}

/** How fast logs that wait go into the rollups; leaves the rollups empty. */
export async function measureProjection(mongo: Mongo): Promise<readonly ProjectionSpeed[]> {
  const results: ProjectionSpeed[] = [];
  for (const [name, tenants] of [
    ['1 account', 1],
    ['50 accounts', 50],
    ['10,000 accounts', 10_000],
  ] as const) {
    const population = { tenants, keysPerTenant: 1, upstreamKeys: 100, models: 7 };
    // within a quarter of an hour, as a backlog is
    const requests = requestsOfDay({ startMs: YEAR.startMs, count: LOGS }, population);
    const documents = [...requests].map((entry) => toRequestLogDocument(toRequest(entry)));
    await mongo.db.collection<RequestLogDocument>('request_logs').insertMany(documents);
    const store = new MongoRollups(mongo);
    const project = makeProjectRollups({
      store,
      prices: { all: async () => await Promise.resolve([PRICE]) },
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
    const perSecond = Math.round((logs / (performance.now() - begin)) * 1_000);
    results.push({ name, logs, rows, perSecond });
    for (const collection of ['rollups', 'rollup_timings']) await mongo.db.collection(collection).deleteMany({});
  }
  await mongo.db.collection('request_logs').deleteMany({});
  return results;
}

function toRequest(
  entry: ReturnType<typeof requestsOfDay> extends Generator<infer Entry> ? Entry : never,
): ChargedRequest {
  const acceptedAt = new Date(YEAR.startMs + (entry.acceptedAtMs % 900_000));
  const requestId = randomUUIDv7();
  return {
    record: {
      requestId,
      epoch: 'bench',
      partition: 0,
      number: 1n,
      site: entry.site,
      provider: entry.provider,
      tenantId: entry.tenantId,
      tenantName: entry.tenantId,
      clientKeyId: entry.clientKeyId,
      dialect: 'anthropic',
      stream: true,
      model: entry.model,
      upstreamModel: entry.model,
      acceptedAt,
      latencyMs: entry.latencyMs,
      firstTokenMs: entry.firstTokenMs,
      statusCode: 200,
      success: entry.failure === '',
      finishReason: 'end_turn',
      abortReason: entry.failure,
      tokens: {
        input: BigInt(entry.tokens.input),
        output: BigInt(entry.tokens.output),
        cacheWrite5m: BigInt(entry.tokens.cacheWrite5m),
        cacheWrite1h: 0n,
        cacheRead: BigInt(entry.tokens.cacheRead),
      },
      usageSource: 'provider',
      attempts: [
        {
          keyId: entry.upstreamKeyId,
          proxyId: '',
          endpoint: 'primary',
          statusCode: 200,
          cause: '',
          providerRequestId: requestId,
          startedAt: acceptedAt,
          durationMs: entry.latencyMs,
          leaseGeneration: 1n,
        },
      ],
      clientRequestId: '',
      traceParent: '',
      namedPrice: '',
      allowance: undefined,
    },
    costNanoUsd: entry.costNanoUsd,
    creditType: 'credits' as const,
    priceVersion: PRICE.version,
    entryId: requestId,
    chargedAt: acceptedAt,
  };
}
