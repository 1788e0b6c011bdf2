import type { Meter } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';

export interface Metrics extends AsyncDisposable {
  readonly meter: Meter;
  readonly text: () => Promise<string>;
}

const COLLECT_TIMEOUT_MS = 2_000;

/** Collects when asked; there is no interval and no server of its own. */
class PullReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {
    await Promise.resolve();
  }
  protected override async onForceFlush(): Promise<void> {
    await Promise.resolve();
  }
}

/** A meter whose numbers are read out as Prometheus text. */
export function startMetrics(onError: (error: unknown) => void): Metrics {
  const reader = new PullReader();
  const provider = new MeterProvider({ readers: [reader] });
  // the names say whose a metric is: neither target_info nor scope labels
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  return {
    meter: provider.getMeter('omg'),
    async text() {
      const { resourceMetrics, errors } = await reader.collect({ timeoutMillis: COLLECT_TIMEOUT_MS });
      errors.forEach(onError);
      return `${serializer.serialize(resourceMetrics)}\n`;
    },
    async [Symbol.asyncDispose]() {
      await provider.shutdown();
    },
  };
}
