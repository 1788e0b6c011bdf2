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
  const servers = options.url.split(',');
  const first = new URL(servers[0] ?? '');
  const connection = await connectFirst(options, {
    servers: servers.map((url) => new URL(url).host),
    name: options.name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    pingInterval: 10_000,
    timeout: 5_000,
    ...(first.username === ''
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

async function connectFirst(options: NatsOptions, settings: Parameters<typeof connect>[0]): Promise<NatsConnection> {
  const deadlineMs = performance.now() + (options.connectTimeoutMs ?? 30_000);
  for (;;) {
    try {
      return await connect(settings);
    } catch (error) {
      if (performance.now() > deadlineMs) {
        const { host } = new URL(options.url.split(',')[0] ?? '');
        throw new OmgError('unavailable', `NATS cannot be reached at ${host}`, { cause: error });
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
