import type { Meter, Tracer } from '@opentelemetry/api';
import { createLogger, type LogDestination, type Logger, type LogLevel } from './create-logger.ts';
import { startProcessMetrics } from './process-metrics.ts';
import { startMetrics } from './start-metrics.ts';
import { startTracing } from './start-tracing.ts';

export interface TelemetryOptions {
  readonly service: string;
  readonly version: string;
  /** Tells replicas apart. */
  readonly instance: string;
  readonly commit?: string | undefined;
  /** Base address of a collector, as in OTEL_EXPORTER_OTLP_ENDPOINT; without it spans are not recorded. */
  readonly otlpEndpoint?: string | undefined;
  /** Share of new traces that are recorded, 0 to 1; default 1. A trace that came from outside keeps its sender's choice. */
  readonly sampleRatio?: number | undefined;
  readonly logLevel: LogLevel;
  readonly logDestination?: LogDestination | undefined;
}

/** What a process tells of itself: lines, spans, numbers. */
export interface Telemetry extends AsyncDisposable {
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly meter: Meter;
  /** All metrics in Prometheus' text format. */
  readonly metricsText: () => Promise<string>;
}

/** Starts logs, traces and metrics; disposing delivers what waits, within a few seconds. */
export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { service, version, instance } = options;
  const logger = createLogger({ service, instance, level: options.logLevel, destination: options.logDestination });
  const metrics = startMetrics((error) => {
    logger.warn({ err: error }, 'a metric could not be read');
  });
  const processMetrics = startProcessMetrics(metrics.meter);
  metrics.meter.createObservableGauge('omg_build_info', { description: 'What runs here' }).addCallback((result) => {
    result.observe(1, { service, version, commit: options.commit ?? 'unknown', node: process.version });
  });
  const tracing = startTracing({ ...options, logger, meter: metrics.meter });
  return {
    logger,
    tracer: tracing.tracer,
    meter: metrics.meter,
    metricsText: metrics.text,
    async [Symbol.asyncDispose]() {
      await tracing[Symbol.asyncDispose]();
      processMetrics[Symbol.dispose]();
      await metrics[Symbol.asyncDispose]();
      await new Promise((resolve) => {
        logger.flush(resolve);
      });
    },
  };
}
