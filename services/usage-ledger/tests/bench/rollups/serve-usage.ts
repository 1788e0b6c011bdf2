import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { readConfig, Secret } from '@omg/config';
import { createGrpcClient, readServiceTokens, startGrpcServer, type GrpcClient } from '@omg/grpc';
import { USAGE_PARTITIONS } from '@omg/messaging';
import type { Mongo, MongoOptions } from '@omg/mongo';
import { usageV1 } from '@omg/proto-gen';
import { startTelemetry } from '@omg/telemetry';
import { makeListRefusals } from '../../../src/app/list-refusals.ts';
import { makeQueryLogs } from '../../../src/app/query-logs.ts';
import { makeSeries } from '../../../src/app/questions/series.ts';
import { makeSummarise } from '../../../src/app/questions/summarise.ts';
import { usageService } from '../../../src/grpc/usage-service.ts';
import { MongoRefusals } from '../../../src/store/mongo-refusals.ts';
import { MongoRequestLogs } from '../../../src/store/mongo-request-logs.ts';
import { MongoRollups } from '../../../src/store/mongo-rollups.ts';
import { YEAR } from './synthetic-year.ts';

const TOKEN = 'a-token-of-the-bench';
const DEADLINE_MS = 60_000;
const telemetry = startTelemetry({ service: 'bench', version: '0', instance: 'bench', logLevel: 'silent' });

export interface ServedUsage extends AsyncDisposable {
  readonly usage: GrpcClient<usageV1.UsageService>;
}

/** The Usage service over this database and nothing else. */
export async function startUsage(mongo: Mongo): Promise<AsyncDisposable & { readonly port: number }> {
  const rollups = new MongoRollups(mongo);
  return await startGrpcServer({
    listen: '127.0.0.1:0',
    authenticate: readConfig({ SERVICE_TOKENS: `bench=${TOKEN}` }, readServiceTokens),
    telemetry,
    services: [
      usageService({
        queryLogs: makeQueryLogs({ logs: new MongoRequestLogs(mongo), partitions: USAGE_PARTITIONS }),
        summarise: makeSummarise({ rollups, clock: { now: () => new Date(YEAR.endMs) } }),
        series: makeSeries({ rollups }),
        listRefusals: makeListRefusals({ refusals: new MongoRefusals(mongo) }),
      }),
    ],
  });
}

/** And a client that asks it as `omg` does. */
export async function serveUsage(mongo: Mongo): Promise<ServedUsage> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startUsage(mongo));
  const usage = stack.use(clientOf(server.port));
  const resources = stack.move();
  return {
    usage,
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

/** The same with the service in a thread of its own, as it is in a process of its own where it is used. */
export async function serveUsageApart(options: MongoOptions): Promise<ServedUsage> {
  const worker = new Worker(new URL('serve-worker.ts', import.meta.url), { workerData: options });
  const message: unknown[] = await once(worker, 'message');
  const usage = clientOf(Number(message[0]));
  return {
    usage,
    async [Symbol.asyncDispose]() {
      usage[Symbol.dispose]();
      await worker.terminate();
    },
  };
}

function clientOf(port: number): GrpcClient<usageV1.UsageService> {
  return createGrpcClient(usageV1.UsageService, {
    address: `127.0.0.1:${port}`,
    token: new Secret(TOKEN),
    deadlineMs: DEADLINE_MS,
    telemetry,
  });
}
