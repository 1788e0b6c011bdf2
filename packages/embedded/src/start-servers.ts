import type { Program } from './program.ts';
import { LOOPBACK, type ServerCommand } from './server-command.ts';
import { mongoCommand, type MongoCommandOptions } from './mongo-command.ts';
import { natsCommand, type NatsCommandOptions } from './nats-command.ts';
import { startServer, type ServerProcess, type StartOptions } from './start-server.ts';
import { isFreePort, pickFreePort } from './tcp.ts';

/** A server that this process started, and stops. */
export interface LocalServer extends ServerProcess {
  readonly url: string;
  readonly port: number;
  readonly program: Program;
}

/** Without a port, or with 0, on one that is free. */
type WithoutPort<T> = Omit<T, 'port'> & { readonly port?: number };

export type StartMongoOptions = WithoutPort<MongoCommandOptions> & StartOptions;
export type StartNatsOptions = WithoutPort<NatsCommandOptions> & StartOptions;

/** A mongod that takes writes when this resolves. What its data directory holds is found again, after a crash too. */
export async function startMongo(options: StartMongoOptions): Promise<LocalServer> {
  return await startOnPort(options, async (port) => await mongoCommand({ ...options, port }));
}

/** A nats-server whose JetStream answers when this resolves. */
export async function startNats(options: StartNatsOptions): Promise<LocalServer> {
  return await startOnPort(options, async (port) => await natsCommand({ ...options, port }));
}

interface PortOptions extends StartOptions {
  readonly program: Program;
  readonly host?: string;
  readonly port?: number;
}

const TRIES = 5;

async function startOnPort(
  options: PortOptions,
  commandOn: (port: number) => Promise<ServerCommand>,
): Promise<LocalServer> {
  const { program, host = LOOPBACK, port: wanted = 0 } = options;
  if (wanted !== 0) {
    if (!(await isFreePort(host, wanted)))
      throw new Error(`Port ${wanted} on ${host} is taken by another program; ${program.name} needs it.`);
    return await start(wanted);
  }
  for (let tries = 1; ; tries += 1) {
    const port = await pickFreePort(host);
    try {
      return await start(port);
    } catch (error) {
      // another process was faster
      if (tries === TRIES || !/address already in use/i.test(String(error))) throw error;
    }
  }

  async function start(port: number): Promise<LocalServer> {
    const command = await commandOn(port);
    return { ...(await startServer(command, options)), url: command.url, port, program };
  }
}
