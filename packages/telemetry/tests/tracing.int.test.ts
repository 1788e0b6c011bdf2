import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { context, trace } from '@opentelemetry/api';
import { startOtlpSink } from '@omg/testkit';
import { expect, test } from 'vitest';
import { contextFromTraceParent, startTelemetry, traceParentOf, withSpan, type Telemetry } from '../src/index.ts';

interface Started extends AsyncDisposable {
  readonly telemetry: Telemetry;
  readonly lines: string[];
}

function start(service: string, otlpEndpoint: string | undefined): Started {
  const lines: string[] = [];
  const telemetry = startTelemetry({
    service,
    version: '1.2.3',
    instance: `${service}-1`,
    logLevel: 'info',
    logDestination: { write: (line) => void lines.push(line) },
    otlpEndpoint,
  });
  return {
    telemetry,
    lines,
    [Symbol.asyncDispose]: async () => {
      await telemetry[Symbol.asyncDispose]();
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('one trace goes across services by traceparent, with the right parents', async () => {
  await using sink = await startOtlpSink();
  await using router = start('router', sink.url);
  await using broker = start('key-broker', `${sink.url}/`);

  await withSpan(router.telemetry.tracer, 'request', { kind: 'server' }, async () => {
    await withSpan(
      router.telemetry.tracer,
      'lease',
      { kind: 'client', attributes: { site: 'openhands' } },
      async () => {
        const parent = contextFromTraceParent(traceParentOf());
        await withSpan(broker.telemetry.tracer, 'AcquireLeases', { kind: 'server', parent }, async (span) => {
          expect(traceParentOf(span)).toBe(traceParentOf());
          await nextTurn();
        });
      },
    );
  });

  const spans = await sink.waitForTrace((found) => found.length === 3);
  const byName = new Map(spans.map((span) => [span.name, span]));
  expect(byName.get('request')).toMatchObject({
    service: 'router',
    instance: 'router-1',
    kind: 'server',
    parentSpanId: undefined,
  });
  expect(byName.get('lease')).toMatchObject({
    kind: 'client',
    parentSpanId: byName.get('request')?.spanId,
    attributes: { site: 'openhands' },
  });
  expect(byName.get('AcquireLeases')).toMatchObject({
    service: 'key-broker',
    parentSpanId: byName.get('lease')?.spanId,
  });
});

test('disposing delivers the spans that wait', async () => {
  await using sink = await startOtlpSink();
  const router = start('router', sink.url);
  await withSpan(router.telemetry.tracer, 'last', {}, async () => {
    await nextTurn();
  });
  await router.telemetry[Symbol.asyncDispose]();
  expect(sink.spans().map(({ name }) => name)).toEqual(['last']);
});

test('an error marks its span, without the secret in its message, and reaches the caller', async () => {
  await using sink = await startOtlpSink();
  const router = start('router', sink.url);
  const failure = Object.assign(new Error('refused: sk-live-Canary7Canary7'), { code: 'permission_denied' });
  await expect(
    withSpan(router.telemetry.tracer, 'attempt', {}, async () => {
      await Promise.reject(failure);
    }),
  ).rejects.toBe(failure);
  await router.telemetry[Symbol.asyncDispose]();
  expect(sink.spans()).toMatchObject([
    { isError: true, attributes: { 'error.type': 'permission_denied' }, events: [{ name: 'exception' }] },
  ]);
  expect(JSON.stringify(sink.spans())).not.toContain('Canary7');
});

test('a log line in a span names the trace and the span, one outside names none', async () => {
  await using sink = await startOtlpSink();
  await using router = start('router', sink.url);
  const span = await withSpan(router.telemetry.tracer, 'work', {}, async (active) => {
    await nextTurn();
    router.telemetry.logger.info('inside');
    return active.spanContext();
  });
  router.telemetry.logger.info('outside');
  expect(JSON.parse(router.lines[0] ?? '')).toMatchObject({ trace_id: span.traceId, span_id: span.spanId });
  expect(JSON.parse(router.lines[1] ?? '')).not.toHaveProperty('trace_id');
});

test('without a collector nothing is recorded, and a traceparent from outside is passed on as it came', async () => {
  await using router = start('router', undefined);
  const given = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  await withSpan(router.telemetry.tracer, 'request', { parent: contextFromTraceParent(given) }, async (span) => {
    await nextTurn();
    expect(span.isRecording()).toBe(false);
    expect(traceParentOf()).toBe(given);
  });
  await withSpan(router.telemetry.tracer, 'request', {}, async () => {
    await nextTurn();
    expect(traceParentOf()).toBeUndefined();
  });
});

test.each([
  '',
  'nonsense',
  '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
  'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
])('the malformed traceparent %j begins a new trace', (text) => {
  expect(trace.getSpanContext(contextFromTraceParent(text))).toBeUndefined();
});

test('a collector that refuses is told of once, and once more when it takes spans again; lost ones are counted', async () => {
  let status = 400;
  let batches = 0;
  await using collector = createHttpServer((request, response) => {
    batches += 1;
    request.resume();
    response.writeHead(status).end('{}');
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  await using router = start('router', `http://127.0.0.1:${portOf(collector)}`);
  const batchesWhileWorking = async (): Promise<number> => {
    await withSpan(router.telemetry.tracer, 'work', {}, async () => {
      await nextTurn();
    });
    return batches;
  };
  await expect.poll(batchesWhileWorking, { timeout: 10_000, interval: 100 }).toBeGreaterThanOrEqual(3);
  status = 200;
  const refused = batches;
  await expect.poll(batchesWhileWorking, { timeout: 10_000, interval: 100 }).toBeGreaterThan(refused + 1);
  expect(router.lines.map((line) => /"msg":"([^"]*)"/.exec(line)?.[1])).toEqual([
    'spans cannot be delivered to the collector',
    'spans are delivered to the collector again',
  ]);
  expect(await router.telemetry.metricsText()).toMatch(/^omg_telemetry_lost_spans_total [1-9]/m);
}, 25_000);

test('a collector that takes connections and never answers does not hold up the end', async () => {
  const connections: Socket[] = [];
  await using silent = createServer((socket) => void connections.push(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const router = start('router', `http://127.0.0.1:${portOf(silent)}`);
  await withSpan(router.telemetry.tracer, 'work', {}, async () => {
    await nextTurn();
  });
  const startedMs = performance.now();
  await router.telemetry[Symbol.asyncDispose]();
  expect(performance.now() - startedMs).toBeLessThan(3_000);
  expect(connections).toHaveLength(1);
  connections.forEach((socket) => socket.destroy());
});

test('contexts of requests that run at the same time do not mix', async () => {
  await using sink = await startOtlpSink();
  await using router = start('router', sink.url);
  const seen = await Promise.all(
    Array.from(
      { length: 50 },
      async () =>
        await withSpan(router.telemetry.tracer, 'request', { parent: contextFromTraceParent('') }, async (span) => {
          await nextTurn();
          await nextTurn();
          return trace.getSpan(context.active()) === span;
        }),
    ),
  );
  expect(seen.every(Boolean)).toBe(true);
});
