import type { Socket } from 'node:net';
import { connectThrough, ProxyError, type ProxyAddress } from '@omg/proxy-connect';
import { buildConnector } from 'undici';

type Connector = buildConnector.connector;
type Origin = buildConnector.Options;

export interface ConnectorOptions {
  readonly proxy: ProxyAddress | undefined;
  readonly http2: boolean;
  /** For all that comes before a request can be sent: the proxy, and the upstream's TLS. */
  readonly connectTimeoutMs: () => number;
  /** Ends what is being connected. */
  readonly stopped: AbortSignal;
}

/** There is no connection to the upstream: nothing was sent. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';

  constructor(cause: unknown) {
    super('no connection to the upstream', { cause });
  }
}

/** How a pool gets its connections. It fails with a ConnectError, or a ProxyError where there is a proxy. */
export function upstreamConnector({ proxy, http2, connectTimeoutMs, stopped }: ConnectorOptions): Connector {
  if (proxy === undefined) {
    let timeoutMs = connectTimeoutMs();
    let connect = promised(buildConnector({ allowH2: http2, timeout: timeoutMs }));
    return called(async (origin) => {
      // a connector remembers TLS sessions: another one only where the time has changed
      if (timeoutMs !== connectTimeoutMs()) {
        timeoutMs = connectTimeoutMs();
        connect = promised(buildConnector({ allowH2: http2, timeout: timeoutMs }));
      }
      return await connect(origin);
    });
  }
  const startTls = promised(buildConnector({ allowH2: http2, timeout: 0 }));
  return called(async (origin) => {
    const startedMs = performance.now();
    const allowedMs = connectTimeoutMs();
    const isTls = origin.protocol === 'https:';
    const port = origin.port === '' ? (isTls ? 443 : 80) : Number(origin.port);
    const tunnel = await connectThrough(
      proxy,
      { host: origin.hostname, port },
      { timeoutMs: allowedMs, signal: stopped },
    );
    if (!isTls) return tunnel;
    const timeoutMs = allowedMs - (performance.now() - startedMs);
    return await orGivenUp(startTls({ ...origin, httpSocket: tunnel }), tunnel, { timeoutMs, stopped });
  });
}

/** TLS says nothing when the connection under it is destroyed, so its end is noticed here. */
async function orGivenUp(
  tls: Promise<Socket>,
  tunnel: Socket,
  { timeoutMs, stopped }: { readonly timeoutMs: number; readonly stopped: AbortSignal },
): Promise<Socket> {
  const givenUp = Promise.withResolvers<never>();
  const giveUp = (): void => {
    tunnel.destroy();
    givenUp.reject(new Error('there was no TLS in time'));
  };
  const slow = setTimeout(giveUp, timeoutMs);
  stopped.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([tls, givenUp.promise]);
  } finally {
    clearTimeout(slow);
    stopped.removeEventListener('abort', giveUp);
  }
}

function promised(connect: Connector): (origin: Origin) => Promise<Socket> {
  return async (origin) =>
    await new Promise((resolve, reject) => {
      connect(origin, (error, socket) => {
        if (error === null) resolve(socket);
        else reject(error);
      });
    });
}

function called(connect: (origin: Origin) => Promise<Socket>): Connector {
  return (origin, callback) => {
    connect(origin).then(
      (socket) => {
        callback(null, socket);
      },
      (error: unknown) => {
        callback(error instanceof ProxyError ? error : new ConnectError(error), null);
      },
    );
  };
}
