import { readConfig, Secret } from '@omg/config';
import { createGrpcClient, readServiceTokens, startGrpcServer, type GrpcClient } from '@omg/grpc';
import { USAGE_PARTITIONS } from '@omg/messaging';
import type { Mongo } from '@omg/mongo';
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

const TOKEN = 'a-token-of-the-bench';
const DEADLINE_MS = 60_000;

export interface ServedUsage extends AsyncDisposable {
  readonly usage: GrpcClient<usageV1.UsageService>;
}

/** The Usage service over this database and nothing else, and a client that asks it as `omg` does. */
export async function serveUsage(mongo: Mongo): Promise<ServedUsage> {
  await using stack = new AsyncDisposableStack();
  const rollups = new MongoRollups(mongo);
  const telemetry = stack.use(
    startTelemetry({ service: 'bench', version: '0', instance: 'bench', logLevel: 'silent' }),
  );
  const server = stack.use(
    await startGrpcServer({
      listen: '127.0.0.1:0',
      authenticate: readConfig({ SERVICE_TOKENS: `bench=${TOKEN}` }, readServiceTokens),
      telemetry,
      services: [
        usageService({
          queryLogs: makeQueryLogs({ logs: new MongoRequestLogs(mongo), partitions: USAGE_PARTITIONS }),
          summarise: makeSummarise({ rollups }),
          series: makeSeries({ rollups }),
          listRefusals: makeListRefusals({ refusals: new MongoRefusals(mongo) }),
        }),
      ],
    }),
  );
  const usage = stack.use(
    createGrpcClient(usageV1.UsageService, {
      address: `127.0.0.1:${server.port}`,
      token: new Secret(TOKEN),
      deadlineMs: DEADLINE_MS,
      telemetry,
    }),
  );
  const resources = stack.move();
  return {
    usage,
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}
