import { OmgError } from '@omg/errors';
import { MongoClient, type ClientSession, type Db } from 'mongodb';

export interface MongoOptions {
  readonly url: string;
  readonly database: string;
  /** What the server's log and `currentOp` show for this process. */
  readonly appName: string;
  /** How long the first connection may take. */
  readonly connectTimeoutMs?: number;
}

export interface Mongo extends AsyncDisposable {
  readonly db: Db;
  /**
   * Runs `work` in a transaction that is durable when it returns, again from the start where the server asks for it.
   * A duplicate key must never be caught inside: it has aborted the transaction, and what follows would fail for ever.
   */
  transaction: <T>(work: (session: ClientSession) => Promise<T>) => Promise<T>;
  /** Throws where the server does not answer within the time. */
  ping: (timeoutMs: number) => Promise<void>;
}

/** Connects and checks that transactions are possible there. */
export async function connectMongo(options: MongoOptions): Promise<Mongo> {
  const client = new MongoClient(options.url, {
    appName: options.appName,
    maxPoolSize: 50,
    serverSelectionTimeoutMS: options.connectTimeoutMs ?? 30_000,
    connectTimeoutMS: 5_000,
    writeConcern: { w: 'majority', journal: true },
    retryWrites: true,
    ignoreUndefined: true,
    // money is Long in the database and bigint here
    useBigInt64: true,
  });
  try {
    await client.connect();
    const hello = await client.db('admin').command({ hello: 1 });
    if (hello['setName'] === undefined) {
      throw new OmgError(
        'failed_precondition',
        'MongoDB must run as a replica set (one member is enough): transactions need it',
      );
    }
  } catch (error) {
    await client.close();
    if (error instanceof OmgError) throw error;
    throw new OmgError('unavailable', `MongoDB cannot be reached at ${hostOf(options.url)}`, { cause: error });
  }
  return {
    db: client.db(options.database),
    transaction: async (work) =>
      await client.withSession(
        async (session) =>
          await session.withTransaction(async () => await work(session), {
            readConcern: { level: 'snapshot' },
            writeConcern: { w: 'majority', journal: true },
          }),
      ),
    ping: async (timeoutMs) => {
      await client.db('admin').command({ ping: 1 }, { timeoutMS: timeoutMs });
    },
    async [Symbol.asyncDispose]() {
      await client.close();
    },
  };
}

/** Of a URL that may hold a password. */
function hostOf(url: string): string {
  return url.replace(/^[^/]*\/\/(?:[^@]*@)?/, '').replace(/[/?].*$/, '');
}
