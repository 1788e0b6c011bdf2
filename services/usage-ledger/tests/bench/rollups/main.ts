import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOrStartMongo } from '@omg/embedded';
import { connectMongo, type Mongo } from '@omg/mongo';
import { MongoRequestLogs } from '../../../src/store/mongo-request-logs.ts';
import { MongoRollups } from '../../../src/store/mongo-rollups.ts';
import { loadChargedYear, objectionsTo, reconcileYear, type Approval } from './approve-loader.ts';
import { askQuestions } from './ask-questions.ts';
import { loadYear } from './load-year.ts';
import { measureProjection } from './measure-projection.ts';
import { QUESTIONS } from './questions.ts';
import { TARGET_MS, textOf } from './report.ts';
import { HELP, parseRollupsOptions, type RollupsOptions } from './rollups-options.ts';
import { serveUsageApart } from './serve-usage.ts';
import { DAYS_OF_YEAR, SERVER_RETENTION_MS, YEAR } from './synthetic-year.ts';

const CACHE_GB = 2;
/** Reconcile's questions and the loader's lists take longer than other calls may. */
const CALL_TIMEOUT_MS = 120_000;

const progress = (line: string): void => void process.stderr.write(`scripts/bench: ${line}\n`);

try {
  const options = parseRollupsOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else await bench(options);
} catch (error) {
  progress(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function bench(options: RollupsOptions): Promise<void> {
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      stopping.abort(new Error(`ended by ${name}`));
    });
  }
  const { signal } = stopping;
  const { perDay, rounds, only, projectedLogs, json } = options;
  const questions = QUESTIONS.filter(({ name }) => name.includes(only ?? ''));
  if (questions.length === 0) throw new Error(`no question has "${only}" in its name`);
  const busyBefore = loadavg()[0] ?? 0;
  await using stack = new AsyncDisposableStack();
  const directory = stack.adopt(await mkdtemp(join(tmpdir(), 'omg-bench-rollups-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
  progress('starting MongoDB');
  const server = stack.use(
    await findOrStartMongo({
      dataDir: directory,
      logFile: join(directory, 'mongod.log'),
      throwaway: true,
      env: process.env,
      cacheGb: CACHE_GB,
      onProgress: progress,
      signal,
    }),
  );
  const databaseOf = (database: string) =>
    ({ url: server.url, database, appName: 'bench', callTimeoutMs: CALL_TIMEOUT_MS }) as const;
  const approval = await approve(stack.use(await connectMongo(databaseOf('approval'))), options, signal);
  const objections = objectionsTo(approval, options.approvedPerDay * DAYS_OF_YEAR);
  if (objections.length > 0) {
    process.stdout.write(['The loader is not approved:', ...objections, ''].join('\n'));
    process.exitCode = 1;
    return;
  }
  const mongo = stack.use(await connectMongo(databaseOf('bench')));
  await new MongoRollups(mongo).createIndexes();
  await new MongoRequestLogs(mongo).createIndexes({ retentionMs: SERVER_RETENTION_MS });
  const projection = await measureProjection(mongo, { logs: projectedLogs });
  const loaded = await loadYear(mongo, { perDay, onProgress: progress, signal });
  const served = stack.use(await serveUsageApart(databaseOf('bench')));
  const asked = await askQuestions(served, {
    questions,
    rounds,
    targetMs: TARGET_MS,
    mongodPid: server.pid,
    onProgress: progress,
    signal,
  });
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), node ${process.version}, ${server.description}, load average before ${busyBefore.toFixed(1)} and after ${(loadavg()[0] ?? 0).toFixed(1)}`;
  const report = { machine, approval, projection, loaded, questions: asked };
  process.stdout.write(
    json ? `${JSON.stringify({ year: YEAR, options, targetMs: TARGET_MS, ...report })}\n` : textOf(report),
  );
  if (asked.some(({ isWithin }) => !isWithin)) process.exitCode = 1;
}

/** A small year, looked through, and gone again. */
async function approve(mongo: Mongo, options: RollupsOptions, signal: AbortSignal): Promise<Approval> {
  const perDay = options.approvedPerDay;
  await loadChargedYear(mongo, {
    perDay,
    onProgress: (line) => {
      progress(`small year: ${line}`);
    },
    signal,
  });
  progress('reconcile looks at the small year');
  const approval = await reconcileYear(mongo, { signal });
  await mongo.db.dropDatabase();
  return approval;
}
