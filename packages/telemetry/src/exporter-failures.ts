import type { Meter } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Logger } from './create-logger.ts';

/** The exporter, with spans that were lost counted, and one line when the collector is lost and one when it is back. */
export function withFailuresTold(
  exporter: SpanExporter,
  { logger, meter }: { logger: Logger; meter: Meter },
): SpanExporter {
  const lost = meter.createCounter('omg_telemetry_lost_spans', { description: 'Spans that no collector took' });
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.code !== ExportResultCode.SUCCESS;
        if (failed) lost.add(spans.length);
        if (failed && !isFailing) logger.warn({ err: result.error }, 'spans cannot be delivered to the collector');
        if (!failed && isFailing) logger.info('spans are delivered to the collector again');
        isFailing = failed;
        done(result);
      });
    },
    async forceFlush() {
      await exporter.forceFlush?.();
    },
    async shutdown() {
      await exporter.shutdown();
    },
  };
}
