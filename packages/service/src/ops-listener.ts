import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { OmgError } from '@omg/errors';
import type { Telemetry } from '@omg/telemetry';
import type { Readiness } from './readiness.ts';

export interface VersionInfo {
  readonly name: string;
  readonly version: string;
  readonly commit?: string | undefined;
}

export interface OpsListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly telemetry: Telemetry;
  readonly version: VersionInfo;
  readonly readiness: Readiness;
}

export interface OpsListener extends AsyncDisposable {
  readonly port: number;
}

interface Answer {
  readonly status: number;
  readonly type: 'application/json' | 'text/plain; charset=utf-8' | 'text/plain; version=0.0.4; charset=utf-8';
  readonly body: string;
}

const TEXT = 'text/plain; charset=utf-8';

/** The listener of operators and probes, apart from clients' traffic: /metrics, /healthz, /readyz, /version. */
export async function startOpsListener(options: OpsListenerOptions): Promise<OpsListener> {
  const { host, port, telemetry } = options;
  const routes = makeRoutes(options);
  const server = createServer((request, response) => {
    void serve(routes, request, response, telemetry);
  });
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OmgError('unavailable', `the operations listener cannot listen on ${host}:${port}: ${reason}`, {
      cause: error,
    });
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type Routes = Readonly<Record<string, () => Promise<Answer> | Answer>>;

function makeRoutes({ telemetry, version, readiness }: OpsListenerOptions): Routes {
  const startedAt = new Date(performance.timeOrigin).toISOString();
  return {
    '/': () => ({
      status: 200,
      type: TEXT,
      body: `${version.name} ${version.version}\n/metrics /healthz /readyz /version\n`,
    }),
    '/metrics': async () => ({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: await telemetry.metricsText(),
    }),
    '/healthz': () => ({ status: 200, type: TEXT, body: 'ok\n' }),
    '/readyz': async () => {
      const report = await readiness.report();
      return json(report.ready ? 200 : 503, report);
    },
    '/version': () => json(200, { ...version, node: process.version, startedAt }),
  };
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}

async function answer(routes: Routes, request: IncomingMessage): Promise<Answer> {
  const path = request.url?.replace(/\?.*$/s, '') ?? '/';
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) return { status: 404, type: TEXT, body: 'not found\n' };
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, type: TEXT, body: 'method not allowed\n' };
  }
  return await route();
}

async function serve(
  routes: Routes,
  request: IncomingMessage,
  response: ServerResponse,
  { logger }: Telemetry,
): Promise<void> {
  try {
    write(response, request, await answer(routes, request));
  } catch (error) {
    logger.error({ err: error, path: request.url }, 'an operations request failed');
    write(response, request, { status: 500, type: TEXT, body: 'internal error\n' });
  }
}

function write(response: ServerResponse, request: IncomingMessage, { status, type, body }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
