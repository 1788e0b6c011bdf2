import { connectToMongo, connectToNats } from './running-server.ts';
import type { LocateOptions } from './locate-options.ts';
import { locateMongod, locateNats } from './locate-program.ts';
import { describeProgram } from './program.ts';
import { startMongo, startNats, type StartMongoOptions, type StartNatsOptions } from './start-servers.ts';

/** A server to work with, wherever it comes from. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  /** `mongod 6.0.5 from PATH (/usr/bin/mongod)` or `mongod 6.0.5 at db.example:27017`. */
  readonly description: string;
  /** Of a server that was started for this. */
  readonly pid?: number;
}

type FindOrStart<T> = Omit<T, 'program'> &
  Pick<LocateOptions, 'env' | 'onProgress'> & { readonly url?: string | undefined };

/** The MongoDB of that URL, if it can do transactions; without a URL, one started from the first program that is found. */
export async function findOrStartMongo(options: FindOrStart<StartMongoOptions>): Promise<Server> {
  if (isGiven(options.url)) return await connectToMongo(options.url, options.signal);
  const program = await locateMongod(options);
  return { ...(await startMongo({ ...options, program })), description: describeProgram(program) };
}

/** The NATS of that URL, if it has JetStream; without a URL, one started from the first program that is found. */
export async function findOrStartNats(options: FindOrStart<StartNatsOptions>): Promise<Server> {
  if (isGiven(options.url)) return await connectToNats(options.url, options.signal);
  const program = await locateNats(options);
  return { ...(await startNats({ ...options, program })), description: describeProgram(program) };
}

function isGiven(url: string | undefined): url is string {
  return url !== undefined && url !== '';
}
