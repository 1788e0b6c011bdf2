import { MongoClient } from 'mongodb';
import { readNatsInfo } from './read-nats-info.ts';

/** A server that others run: it is only looked at. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  /** Names its version and address, never its password. */
  readonly description: string;
}

const TIMEOUT_MS = 5_000;

/** Throws one sentence where nothing answers there or transactions are impossible. */
export async function connectToMongo(url: string, signal: AbortSignal): Promise<RunningServer> {
  const host = hostsOf(url);
  await using client = new MongoClient(url, { serverSelectionTimeoutMS: TIMEOUT_MS, socketTimeoutMS: TIMEOUT_MS });
  const admin = client.db('admin');
  const [hello, buildInfo] = await Promise.all([admin.command({ hello: 1 }), admin.command({ buildInfo: 1 })]).catch(
    (error: unknown) => {
      throw new Error(`No MongoDB answers at ${host}, which MONGODB_URL names.`, { cause: error });
    },
  );
  signal.throwIfAborted();
  if (hello['setName'] === undefined && hello['msg'] !== 'isdbgrid') {
    throw new Error(
      `The MongoDB at ${host} is not a replica set, and transactions need one (a single member is enough).`,
    );
  }
  return lookedAt(url, `mongod ${String(buildInfo['version'])} at ${host}`);
}

/** Throws one sentence where nothing answers there or JetStream is off. */
export async function connectToNats(url: string, signal: AbortSignal): Promise<RunningServer> {
  const host = hostsOf(url);
  const first = host.split(',')[0] ?? '';
  const info = await readNatsInfo(/:\d+$/.test(first) ? first : `${first}:4222`, signal);
  if (info === undefined) throw new Error(`No NATS answers at ${first}, which NATS_URL names.`);
  if (!info.jetstream) throw new Error(`The NATS at ${first} runs without JetStream, which is needed.`);
  return lookedAt(url, `nats-server ${info.version} at ${first}`);
}

function lookedAt(url: string, description: string): RunningServer {
  return { url, description, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** `host:port,host:port` of a URL that may hold a password. */
export function hostsOf(url: string): string {
  return url
    .replaceAll(/[a-z+]+:\/\//gi, '')
    .replace(/[/?].*$/, '')
    .replaceAll(/[^,@]*@/g, '');
}
