import { context, ProxyTracerProvider, type Meter, type Tracer } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from './create-logger.ts';
import { withFailuresTold } from './exporter-failures.ts';

export interface TracingOptions {
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly otlpEndpoint?: string | undefined;
  readonly sampleRatio?: number | undefined;
  readonly logger: Logger;
  readonly meter: Meter;
}

export interface Tracing extends AsyncDisposable {
  readonly tracer: Tracer;
}

const EXPORT_TIMEOUT_MS = 3_000;
const FLUSH_TIMEOUT_MS = 2_000;
const EXPORT_EVERY_MS = 1_000;
const MAX_WAITING_SPANS = 4_096;

let hasContextManager = false;

/** Spans go to the collector at `otlpEndpoint`; without one they record nothing and only pass their parent on. */
export function startTracing(options: TracingOptions): Tracing {
  // one per process: services that run together in a test share it
  hasContextManager ||= context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  if (options.otlpEndpoint === undefined) {
    return {
      tracer: new ProxyTracerProvider().getTracer('omg'),
      async [Symbol.asyncDispose]() {
        await Promise.resolve();
      },
    };
  }
  const exporter = new OTLPTraceExporter({
    url: `${options.otlpEndpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': options.service,
      'service.version': options.version,
      'service.instance.id': options.instance,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.sampleRatio ?? 1) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: withFailuresTold(exporter, options),
        scheduledDelayMillis: EXPORT_EVERY_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS + 1_000,
        maxQueueSize: MAX_WAITING_SPANS,
      }),
    ],
  });
  return {
    tracer: provider.getTracer('omg', options.version),
    async [Symbol.asyncDispose]() {
      // what a dead collector does not take is lost, and was told of by then or never; the process has to end
      await Promise.race([
        provider.shutdown().catch(() => undefined),
        new Promise((resolve) => void setTimeout(resolve, FLUSH_TIMEOUT_MS).unref()),
      ]);
    },
  };
}
