import { mkdir } from 'node:fs/promises';
import { makeMongoWritable } from './make-mongo-writable.ts';
import type { Program } from './program.ts';
import { LOOPBACK, reachableHost, type ServerCommand } from './server-command.ts';

export interface MongoCommandOptions {
  readonly program: Program;
  /** Made where it is not there. */
  readonly dataDir: string;
  readonly port: number;
  readonly host?: string;
  readonly cacheGb?: number;
}

const REPLICA_SET = 'rs0';
const DEFAULT_CACHE_GB = 0.5;

/** A replica set of one, as transactions need it; a data directory may come back on another port. Its log is JSON lines on standard output. */
export async function mongoCommand(options: MongoCommandOptions): Promise<ServerCommand> {
  const { program, dataDir, port, host = LOOPBACK, cacheGb = DEFAULT_CACHE_GB } = options;
  await mkdir(dataDir, { recursive: true });
  const address = `${reachableHost(host)}:${port}`;
  return {
    program,
    args: [
      '--replSet',
      REPLICA_SET,
      '--dbpath',
      dataDir,
      '--bind_ip',
      host,
      '--port',
      String(port),
      '--wiredTigerCacheSizeGB',
      String(cacheGb),
      '--nounixsocket',
      '--quiet',
      '--setParameter',
      'diagnosticDataCollectionEnabled=false',
      // a killed client's transaction must not hold its locks for the default minute
      '--setParameter',
      'transactionLifetimeLimitSeconds=5',
    ],
    url: `mongodb://${address}/?replicaSet=${REPLICA_SET}`,
    waitUntilReady: async (signal) => await makeMongoWritable({ address, replicaSet: REPLICA_SET, signal }),
  };
}
