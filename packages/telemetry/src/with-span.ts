import {
  context,
  SpanKind,
  SpanStatusCode,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { scrubText } from './scrub-text.ts';

export type SpanKindName = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

export interface WithSpanOptions {
  readonly kind?: SpanKindName;
  /** Default: the active context. */
  readonly parent?: Context | undefined;
  readonly attributes?: Attributes;
}

const KINDS: Record<SpanKindName, SpanKind> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

/** Runs the function in a span that is active while it runs; an error marks the span and goes on to the caller. */
export async function withSpan<T>(
  tracer: Tracer,
  name: string,
  options: WithSpanOptions,
  run: (span: Span) => Promise<T>,
): Promise<T> {
  const { kind = 'internal', parent = context.active(), attributes = {} } = options;
  return await tracer.startActiveSpan(name, { kind: KINDS[kind], attributes }, parent, async (span) => {
    try {
      return await run(span);
    } catch (error) {
      if (span.isRecording()) recordError(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

function recordError(span: Span, error: unknown): void {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const safeMessage = scrubText(message);
  span.recordException({ name, message: safeMessage, stack: scrubText(stack ?? '') });
  span.setStatus({ code: SpanStatusCode.ERROR, message: safeMessage });
  if (error instanceof Error && 'code' in error && typeof error.code === 'string')
    span.setAttribute('error.type', error.code);
}
