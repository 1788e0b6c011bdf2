// Spans alone: whoever makes none of its own, as the command line, starts without what sends them.
import { trace, type Tracer } from '@opentelemetry/api';

export { contextFromTraceParent, traceParentOf } from './trace-parent.ts';
export { withSpan, type SpanKindName, type WithSpanOptions } from './with-span.ts';

/** Of spans that nobody gets. */
export const noTracer: Tracer = trace.getTracer('none');
