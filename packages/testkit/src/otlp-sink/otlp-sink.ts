import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { json as readJson } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { listen } from '../fake-common/listen.ts';
import { parseOtlpTraces, type SinkSpan } from './otlp-traces.ts';

export interface OtlpSinkOptions {
  readonly host?: string;
  /** Default: any free one. */
  readonly port?: number;
}

/** A collector for tests: takes OTLP over HTTP in its JSON form and keeps the spans. */
export interface OtlpSink extends AsyncDisposable {
  /** What belongs into OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly spans: () => readonly SinkSpan[];
  /** All spans of the first trace that satisfies the predicate, as soon as there is one. */
  readonly waitForTrace: (
    predicate: (spans: readonly SinkSpan[]) => boolean,
    options?: { readonly timeoutMs?: number },
  ) => Promise<readonly SinkSpan[]>;
}

const MAX_SPANS = 100_000;

export async function startOtlpSink(options: OtlpSinkOptions = {}): Promise<OtlpSink> {
  const { host = '127.0.0.1', port = 0 } = options;
  const spans: SinkSpan[] = [];
  const arrivals = new EventTarget();

  const server = createServer((request, response) => {
    take(request).then(
      (arrived) => {
        if (spans.length + arrived.length > MAX_SPANS) return response.writeHead(507).end();
        spans.push(...arrived);
        arrivals.dispatchEvent(new Event('spans'));
        return response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      },
      (error: unknown) => response.writeHead(400, { 'content-type': 'text/plain' }).end(String(error)),
    );
  });
  const taken = await listen(server, { what: 'OTLP sink', host, port });

  return {
    url: `http://${host}:${taken}`,
    spans: () => [...spans],
    async waitForTrace(predicate, { timeoutMs = 10_000 } = {}) {
      const signal = AbortSignal.timeout(timeoutMs);
      for (;;) {
        const found = Object.values(Object.groupBy(spans, ({ traceId }) => traceId)).find(
          (trace) => trace !== undefined && predicate(trace),
        );
        if (found !== undefined) return found;
        await once(arrivals, 'spans', { signal }).catch((error: unknown) => {
          throw new Error(`no such trace within ${timeoutMs} ms; spans that came:\n${describe(spans)}`, {
            cause: error,
          });
        });
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function take(request: IncomingMessage): Promise<readonly SinkSpan[]> {
  const path = `${String(request.method)} ${String(request.url)}`;
  const type = request.headers['content-type'] ?? 'none';
  if (path !== 'POST /v1/traces') throw new Error(`${path} is not POST /v1/traces`);
  if (!type.startsWith('application/json')) throw new Error(`content-type ${type}: only OTLP/JSON is taken`);
  const isPacked = request.headers['content-encoding'] === 'gzip';
  return parseOtlpTraces(await readJson(isPacked ? request.pipe(createGunzip()) : request));
}

function describe(spans: readonly SinkSpan[]): string {
  if (spans.length === 0) return '  none';
  return spans
    .map(
      ({ traceId, spanId, parentSpanId = '-', service, name }) =>
        `  ${traceId} ${spanId} < ${parentSpanId} ${service}: ${name}`,
    )
    .join('\n');
}
