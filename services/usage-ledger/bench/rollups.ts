/**
 * How long questions take over a year of hours and 10 million requests, asked over gRPC as `omg` asks them; and how fast the projection
 * is. Needs a mongod that @omg/embedded finds, some 3 GB of disk for as long as it runs, and a few minutes.
 *
 *   node services/usage-ledger/bench/rollups.ts [--entries 10000000] [--json]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig, readEnvironment, Secret } from '@omg/config';
import { findOrStartMongo } from '@omg/embedded';
import { createGrpcClient, readServiceTokens, startGrpcServer, type GrpcClient } from '@omg/grpc';
import { connectMongo, type Mongo } from '@omg/mongo';
import { usageV1 } from '@omg/proto-gen';
import { startTelemetry } from '@omg/telemetry';
import { makeListRefusals } from '../src/app/list-refusals.ts';
import { makeQueryLogs } from '../src/app/query-logs.ts';
import { makeSeries } from '../src/app/questions/series.ts';
import { makeSummarise } from '../src/app/questions/summarise.ts';
import { usageService } from '../src/grpc/usage-service.ts';
import { MongoRefusals } from '../src/store/mongo-refusals.ts';
import { MongoRequestLogs } from '../src/store/mongo-request-logs.ts';
import { MongoRollups } from '../src/store/mongo-rollups.ts';
import { loadYear, YEAR } from './load-year.ts';
import { measureProjection } from './measure-projection.ts';
import { QUESTIONS } from './questions.ts';

const TARGET_MS = 50;
const ROUNDS = 20;
const TOKEN = 'a-token-of-the-bench';

const { values } = parseArgs({
  options: { entries: { type: 'string', default: '10000000' }, json: { type: 'boolean', default: false } },
});
const entries = Number(values.entries);

await using stack = new AsyncDisposableStack();
const dataDir = stack.adopt(await mkdtemp(join(tmpdir(), 'omg-bench-rollups-')), async (path) => {
  await rm(path, { recursive: true, force: true });
});
const server = stack.use(
  await findOrStartMongo({
    dataDir,
    env: readEnvironment(),
    cacheGb: 2,
    logFile: join(dataDir, 'mongod.log'),
    signal: AbortSignal.timeout(60_000),
    throwaway: true,
  }),
);
const mongo = stack.use(
  await connectMongo({ url: server.url, database: 'bench', appName: 'bench', callTimeoutMs: 120_000 }),
);
const rollups = new MongoRollups(mongo);
const logs = new MongoRequestLogs(mongo);
await Promise.all([rollups.createIndexes(), logs.createIndexes({ retentionMs: 90 * 86_400_000 })]);

const projection = await measureProjection(mongo);
note(`projection: ${projection.map(({ name, perSecond }) => `${name} ${perSecond} logs/s`).join(', ')}`);
const loaded = await loadYear(mongo, { entries, onProgress: note });
const usage = stack.use(await serve(mongo));

interface Result {
  readonly name: string;
  /** Groups or points of the answer. */
  readonly rows: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly isWithin: boolean;
}

const results: Result[] = [];
for (const { name, ask } of QUESTIONS) {
  const answer = await ask(usage);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const begin = performance.now();
    await ask(usage);
    times.push(performance.now() - begin);
  }
  times.sort((a, b) => a - b);
  const medianMs = times[ROUNDS / 2] ?? NaN;
  const p95Ms = times[Math.floor(ROUNDS * 0.95)] ?? NaN;
  results.push({ name, rows: answer, medianMs, p95Ms, isWithin: medianMs < TARGET_MS });
  note(`${name}: ${medianMs.toFixed(1)} ms`);
}
print();
process.exitCode = results.every(({ isWithin }) => isWithin) ? 0 : 1;

async function serve(of: Mongo): Promise<GrpcClient<usageV1.UsageService>> {
  const telemetry = stack.use(
    startTelemetry({ service: 'bench', version: '0', instance: 'bench', logLevel: 'silent' }),
  );
  const grpc = stack.use(
    await startGrpcServer({
      listen: '127.0.0.1:0',
      authenticate: readConfig({ SERVICE_TOKENS: `bench=${TOKEN}` }, readServiceTokens),
      telemetry,
      services: [
        usageService({
          queryLogs: makeQueryLogs({ logs: new MongoRequestLogs(of), partitions: 8 }),
          summarise: makeSummarise({ rollups }),
          series: makeSeries({ rollups }),
          listRefusals: makeListRefusals({ refusals: new MongoRefusals(of) }),
        }),
      ],
    }),
  );
  return createGrpcClient(usageV1.UsageService, {
    address: `127.0.0.1:${grpc.port}`,
    token: new Secret(TOKEN),
    deadlineMs: 60_000,
    telemetry,
  });
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

function print(): void {
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ year: YEAR, loaded, projection, targetMs: TARGET_MS, results })}\n`);
    return;
  }
  const width = Math.max(...results.map(({ name }) => name.length));
  const lines = results.map(
    ({ name, rows, medianMs, p95Ms, isWithin }) =>
      `${name.padEnd(width)}  ${String(rows).padStart(6)}  ${medianMs.toFixed(1).padStart(7)} ms  ${p95Ms.toFixed(1).padStart(7)} ms  ${isWithin ? 'ok' : `above ${TARGET_MS} ms`}`,
  );
  process.stdout.write(
    [
      `${loaded.entries.toLocaleString('en-US')} requests, ${loaded.documents.toLocaleString('en-US')} documents, ${loaded.dataMb} MB (${loaded.diskMb} MB on disk), loaded in ${loaded.seconds} s`,
      `${'QUESTION'.padEnd(width)}    ROWS      MEDIAN         P95`,
      ...lines,
      '',
    ].join('\n'),
  );
}
