import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient, MongoServerError, type Db } from 'mongodb';
import { isListening } from './tcp.ts';

export interface WritableOptions {
  /** `host:port`, also the name of the set's only member. */
  readonly address: string;
  readonly replicaSet: string;
  readonly signal: AbortSignal;
}

const POLL_MS = 20;
const CALL_TIMEOUT_MS = 5_000;

/** Waits for a mongod that is starting, and makes it the primary of a set of one. */
export async function makeMongoWritable({ address, replicaSet, signal }: WritableOptions): Promise<void> {
  while (!(await isListening(address, signal))) await delay(POLL_MS, undefined, { signal });
  await using client = new MongoClient(`mongodb://${address}/?directConnection=true`, {
    serverSelectionTimeoutMS: CALL_TIMEOUT_MS,
    socketTimeoutMS: CALL_TIMEOUT_MS,
  });
  const admin = client.db('admin');
  while (!(await isWritable(admin))) {
    await configure(admin, replicaSet, address);
    await delay(POLL_MS, undefined, { signal });
  }
}

async function isWritable(admin: Db): Promise<boolean> {
  return (await admin.command({ hello: 1 }))['isWritablePrimary'] === true;
}

/** A refusal here means that the server is still busy with what it found in its data directory: it is asked again. */
async function configure(admin: Db, replicaSet: string, address: string): Promise<void> {
  const members = [{ _id: 0, host: address }];
  try {
    const config = await currentConfig(admin);
    if (config === undefined) {
      await admin.command({ replSetInitiate: { _id: replicaSet, members } });
    } else if (config.host !== address) {
      const version = config.version + 1;
      await admin.command({ replSetReconfig: { _id: replicaSet, version, members }, force: true });
    }
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
  }
}

const NOT_YET_INITIALIZED = 94;

async function currentConfig(admin: Db): Promise<{ host: string; version: number } | undefined> {
  try {
    const answer: { config?: { version: number; members: { host: string }[] } } = await admin.command({
      replSetGetConfig: 1,
    });
    if (answer.config === undefined) return undefined;
    return { host: answer.config.members[0]?.host ?? '', version: answer.config.version };
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NOT_YET_INITIALIZED) return undefined;
    throw error;
  }
}
