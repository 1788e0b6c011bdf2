export { createLogger, type LogDestination, type LogLevel, type Logger, type LoggerOptions } from './create-logger.ts';
export { latencyHistogram } from './latency-histogram.ts';
export { observeGauge } from './observe-gauge.ts';
export { registerSecret, scrubText } from './scrub-text.ts';
export { startTelemetry, type Telemetry, type TelemetryOptions } from './start-telemetry.ts';
export { contextFromTraceParent, traceParentOf, withSpan, type SpanKindName, type WithSpanOptions } from './tracing.ts';
