import { OmgError } from '@omg/errors';
import { MongoClient, MongoServerSelectionError, type ClientSession, type Db } from 'mongodb';

export interface MongoOptions {
  readonly url: string;
  readonly database: string;
  /** What the server's log and `currentOp` show for this process. */
  readonly appName: string;
  /** How long the first connection may take. */
  readonly connectTimeoutMs?: number;
  /** How long finding a server, a connection to it and its answer may each take. */
  readonly callTimeoutMs?: number;
  /** After that a transaction is not begun again. */
  readonly transactionTimeoutMs?: number;
}

export interface Mongo extends AsyncDisposable {
  readonly db: Db;
  /**
   * Runs `work` in a transaction that is durable when it returns, again from the start where the server asks for it.
   * A duplicate key must never be caught inside: it has aborted the transaction, and what follows would fail for ever.
   * In a session of its own, unless one is given.
   */
  transaction: <T>(work: (session: ClientSession) => Promise<T>, session?: ClientSession) => Promise<T>;
  /** Throws where the server does not answer within the time. */
  ping: (timeoutMs: number) => Promise<void>;
}

/** Connects and checks that transactions are possible there. */
export async function connectMongo(options: MongoOptions): Promise<Mongo> {
  const { database, connectTimeoutMs = 30_000, callTimeoutMs = 10_000, transactionTimeoutMs = 10_000 } = options;
  const client = createClient(options, { selectionMs: Math.min(callTimeoutMs, connectTimeoutMs), callTimeoutMs });
  try {
    await connectWithin(client, connectTimeoutMs);
    const hello = await client.db('admin').command({ hello: 1 });
    if (hello['setName'] === undefined && hello['msg'] !== 'isdbgrid') {
      throw new OmgError(
        'failed_precondition',
        'MongoDB must run as a replica set (one member is enough): transactions need it',
      );
    }
  } catch (error) {
    await client.close();
    if (error instanceof OmgError) throw error;
    throw new OmgError('unavailable', `MongoDB cannot be reached at ${hostsOf(client)}`, { cause: error });
  }
  return {
    db: client.db(database),
    transaction: async (work, given) => {
      const untilMs = performance.now() + transactionTimeoutMs;
      const runIn = async (session: ClientSession) =>
        await session.withTransaction(
          async () => {
            // the driver alone would begin again for two minutes
            if (performance.now() > untilMs) throw new OmgError('unavailable', 'a transaction did not come to its end');
            return await work(session);
          },
          { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
        );
      return given === undefined ? await client.withSession(runIn) : await runIn(given);
    },
    ping: async (timeoutMs) => {
      await client.db('admin').command({ ping: 1 }, { signal: AbortSignal.timeout(timeoutMs) });
    },
    async [Symbol.asyncDispose]() {
      await client.close();
    },
  };
}

// the driver's own `timeoutMS` has no effect in this release: these bound a call
function createClient(
  { url, appName }: MongoOptions,
  { selectionMs, callTimeoutMs }: { readonly selectionMs: number; readonly callTimeoutMs: number },
): MongoClient {
  try {
    return new MongoClient(url, {
      appName,
      maxPoolSize: 50,
      serverSelectionTimeoutMS: selectionMs,
      waitQueueTimeoutMS: callTimeoutMs,
      socketTimeoutMS: callTimeoutMs,
      connectTimeoutMS: 5_000,
      writeConcern: { w: 'majority', journal: true },
      retryWrites: true,
      ignoreUndefined: true,
      // money is Long in the database and bigint here
      useBigInt64: true,
    });
  } catch (error) {
    throw new OmgError('invalid_argument', 'the address of MongoDB cannot be read', { cause: error });
  }
}

async function connectWithin(client: MongoClient, timeoutMs: number): Promise<void> {
  const untilMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      await client.connect();
      return;
    } catch (error) {
      if (!(error instanceof MongoServerSelectionError) || performance.now() > untilMs) throw error;
    }
  }
}

/** As the driver understands the URL: what a password may hold is its business. */
function hostsOf({ options }: MongoClient): string {
  return options.srvHost ?? options.hosts.map(String).join(',');
}
