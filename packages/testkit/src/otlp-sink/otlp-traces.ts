import { z } from 'zod';

/** A span as a collector gets it. */
export interface SinkSpan {
  readonly service: string;
  readonly instance: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined for a trace's root. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SinkSpanKind;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[];
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
type SinkSpanKind = (typeof KINDS)[number];

const STATUS_ERROR = 2;

// { stringValue: "x" }, { intValue: 1 }, ...: one member, named after the value's type
const Attributes = z
  .array(z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) }))
  .default([])
  .transform((list): Record<string, unknown> =>
    Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]])),
  );

const Span = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.int().min(0).max(5),
  attributes: Attributes,
  events: z.array(z.object({ name: z.string(), attributes: Attributes })).default([]),
  status: z.object({ code: z.int().default(0) }).default({ code: 0 }),
});

const ExportTraceServiceRequest = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: Attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(Span) })),
    }),
  ),
});

/** The spans of an OTLP/JSON request; throws where it is none. */
export function parseOtlpTraces(body: unknown): readonly SinkSpan[] {
  return ExportTraceServiceRequest.parse(body).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans).map((span) => toSinkSpan(span, resource.attributes)),
  );
}

function toSinkSpan(span: z.output<typeof Span>, resource: Readonly<Record<string, unknown>>): SinkSpan {
  const { traceId, spanId, parentSpanId, name, kind, attributes, events, status } = span;
  return {
    service: String(resource['service.name']),
    instance: String(resource['service.instance.id']),
    traceId,
    spanId,
    parentSpanId: parentSpanId === '' ? undefined : parentSpanId,
    name,
    kind: KINDS[kind] ?? 'unspecified',
    isError: status.code === STATUS_ERROR,
    attributes,
    events,
  };
}
