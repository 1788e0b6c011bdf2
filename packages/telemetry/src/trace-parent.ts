import { context, ROOT_CONTEXT, trace, TraceFlags, type Context, type Span } from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';

/**
 * The W3C `traceparent` that makes others' spans children of this span, or of the active one; undefined where there is
 * no trace.
 */
export function traceParentOf(source: Span | Context = context.active()): string | undefined {
  const span = 'spanContext' in source ? source.spanContext() : trace.getSpanContext(source);
  if (span === undefined || !trace.isSpanContextValid(span)) return undefined;
  const sampled = (span.traceFlags & TraceFlags.SAMPLED) !== 0;
  return `00-${span.traceId}-${span.spanId}-${sampled ? '01' : '00'}`;
}

/** A context whose spans belong under the `traceparent`'s sender; a new trace where the text is absent or malformed. */
export function contextFromTraceParent(traceParent: string | undefined): Context {
  const parent = parseTraceParent(traceParent ?? '');
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
}
