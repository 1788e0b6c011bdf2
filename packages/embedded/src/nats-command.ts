import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readNatsInfo } from './read-nats-info.ts';
import type { Program } from './program.ts';
import { LOOPBACK, reachableHost, type ServerCommand } from './server-command.ts';

export interface NatsCommandOptions {
  readonly program: Program;
  /** Made where it is not there. */
  readonly dataDir: string;
  readonly port: number;
  readonly host?: string;
  /** Serves /varz, /jsz and so on where it is given. */
  readonly monitorPort?: number;
  /** How often JetStream syncs its files: `always` before each acknowledgement, or a duration such as `2m`. */
  readonly syncInterval?: string;
}

const POLL_MS = 10;

/** A nats-server with JetStream on files. Its log goes to standard error. */
export async function natsCommand(options: NatsCommandOptions): Promise<ServerCommand> {
  const { program, dataDir, port, host = LOOPBACK, monitorPort, syncInterval = 'always' } = options;
  await mkdir(dataDir, { recursive: true });
  const configFile = join(dataDir, 'nats-server.conf');
  // its configuration language takes JSON as it is
  const config = {
    listen: `${host}:${port}`,
    ...(monitorPort === undefined ? {} : { http: `${host}:${monitorPort}` }),
    jetstream: { store_dir: dataDir, sync_interval: syncInterval },
  };
  await writeFile(configFile, `${JSON.stringify(config, null, 2)}\n`);
  const address = `${reachableHost(host)}:${port}`;
  return {
    program,
    args: ['--config', configFile],
    url: `nats://${address}`,
    waitUntilReady: async (signal) => {
      while ((await readNatsInfo(address, signal)) === undefined) await delay(POLL_MS, undefined, { signal });
    },
  };
}
