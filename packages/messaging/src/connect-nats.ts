import { OmgError } from '@omg/errors';
import { connect, type NatsConnection } from '@nats-io/transport-node';

export interface NatsOptions {
  /** `nats://[user:password@]host:port`, several comma-separated. */
  readonly url: string;
  /** What the server's monitoring shows for this connection. */
  readonly name: string;
  /** How long the first connection may take; afterwards it is kept up for ever. */
  readonly connectTimeoutMs?: number;
  /** Told whenever the connection comes and goes. */
  readonly onStatus?: (connected: boolean) => void;
}

export interface Nats extends AsyncDisposable {
  readonly connection: NatsConnection;
}

/** A connection that reconnects by itself, however long it takes. */
export async function connectNats(options: NatsOptions): Promise<Nats> {
  const servers = options.url.split(',').map(parseServer);
  const [first] = servers;
  const connection = await connectFirst(options, {
    servers: servers.map(({ host }) => host),
    name: options.name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    pingInterval: 10_000,
    timeout: 5_000,
    // an error made for each message in case it fails, only for its stack
    noAsyncTraces: true,
    ...(first === undefined || first.username === ''
      ? {}
      : { user: decodeURIComponent(first.username), pass: decodeURIComponent(first.password) }),
  });
  options.onStatus?.(true);
  void report(connection, options.onStatus);
  return {
    connection,
    async [Symbol.asyncDispose]() {
      await connection.close();
    },
  };
}

function parseServer(text: string): URL {
  const url = URL.parse(text.trim());
  // what is wrong with it stays out: it may hold a password
  if (url?.protocol !== 'nats:' || url.host === '')
    throw new OmgError(
      'invalid_argument',
      'the address of NATS must be nats://host:port, or several of them, comma-separated',
    );
  return url;
}

async function connectFirst(options: NatsOptions, settings: Parameters<typeof connect>[0]): Promise<NatsConnection> {
  const deadlineMs = performance.now() + (options.connectTimeoutMs ?? 30_000);
  for (;;) {
    try {
      return await connect(settings);
    } catch (error) {
      if (performance.now() > deadlineMs) {
        throw new OmgError('unavailable', `NATS cannot be reached at ${String(settings?.servers)}`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function report(connection: NatsConnection, onStatus: NatsOptions['onStatus']): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === 'disconnect') onStatus?.(false);
    if (type === 'reconnect') onStatus?.(true);
  }
}
