import { makePart } from './answer.ts';
import type { Part } from './answer.ts';
import { vendorError } from './error-answer.ts';
import type { ErrorContext } from './error-answer.ts';
import type { Fault } from './fault.ts';
import { namedError } from './named-errors.ts';

/** The point where the answer is broken off, or held up for `forMs` (null: for good). */
export type Break =
  | { readonly kind: 'break'; readonly how: 'rst' | 'fin' | 'end' }
  | { readonly kind: 'break'; readonly how: 'stall'; readonly forMs: number | null };

/** A break that strikes at a number of writes or bytes, which only the writer can count. */
export interface WriteLimit {
  readonly chunks: number;
  readonly bytes: number;
  readonly breakOff: Break;
}

/** Puts the fault's own events and breaks between the events of a stream. */
export function* withFault(parts: Iterable<Part>, fault: Fault | null, context: ErrorContext): Generator<Part | Break> {
  const strike = fault === null ? null : strikeOf(fault, context);
  let output = 0;
  let struck = strike === null;
  for (const part of parts) {
    if (fault?.kind === 'no-terminal' && part.kind === 'done') continue;
    if (
      !struck &&
      strike !== null &&
      part.kind !== 'head' &&
      (output >= strike.afterTokens || part.kind === 'finish')
    ) {
      struck = true;
      yield* strike.steps;
    }
    yield part;
    output += part.output;
  }
  if (!struck && strike !== null) yield* strike.steps;
}

interface Strike {
  readonly afterTokens: number;
  readonly steps: ReadonlyArray<Part | Break>;
}

function strikeOf(fault: Fault, context: ErrorContext): Strike | null {
  if (fault.kind === 'malformed') {
    return { afterTokens: fault.after.tokens, steps: [makePart('block', fault.raw ?? malformedEvent(context))] };
  }
  if (fault.kind === 'error-event') {
    const ending: Break[] =
      fault.ending === 'continue'
        ? []
        : [
            fault.ending === 'stall'
              ? { kind: 'break', how: 'stall', forMs: null }
              : { kind: 'break', how: fault.ending },
          ];
    return { afterTokens: fault.after.tokens, steps: [makePart('block', errorEvent(fault, context)), ...ending] };
  }
  if ((fault.kind === 'cut' || fault.kind === 'stall') && 'tokens' in fault.after) {
    return { afterTokens: fault.after.tokens, steps: [breakOf(fault)] };
  }
  return null;
}

function breakOf(fault: Extract<Fault, { kind: 'cut' | 'stall' }>): Break {
  return fault.kind === 'cut' ? { kind: 'break', how: fault.how } : { kind: 'break', how: 'stall', forMs: fault.forMs };
}

/** For breaks by writes or bytes; in a plain answer, which has no tokens to count, also by half of its bytes. */
export function writeLimitOf(fault: Fault | null, plainSizeBytes: number | null): WriteLimit | null {
  if (fault === null || (fault.kind !== 'cut' && fault.kind !== 'stall')) return null;
  const { after } = fault;
  const none = { chunks: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY, breakOff: breakOf(fault) };
  if ('chunks' in after) return { ...none, chunks: after.chunks };
  if ('bytes' in after) return { ...none, bytes: after.bytes };
  return plainSizeBytes === null ? null : { ...none, bytes: Math.floor(plainSizeBytes / 2) };
}

/** A plain answer cannot carry events: the same faults as they show in a body. */
export function faultyBody(part: Part, fault: Fault | null, context: ErrorContext): Part {
  if (fault?.kind === 'malformed') {
    return {
      ...part,
      bytes: Buffer.from(fault.raw ?? part.bytes.subarray(0, Math.floor(part.bytes.length / 2))),
      usage: null,
    };
  }
  if (fault?.kind === 'error-event') {
    return { ...part, bytes: Buffer.from(errorData(fault, context)), output: 0, reasoning: 0, usage: null };
  }
  return part;
}

type ErrorEvent = Extract<Fault, { kind: 'error-event' }>;

function errorEvent(fault: ErrorEvent, context: ErrorContext): string {
  const data = `data: ${errorData(fault, context)}\n\n`;
  return context.dialect === 'anthropic' ? `event: error\n${data}` : data;
}

function errorData(fault: ErrorEvent, context: ErrorContext): string {
  if (fault.name !== undefined) return namedError(fault.name, context).body;
  if (fault.error === undefined) return vendorError(context.dialect === 'anthropic' ? 529 : 500, context).body;
  const { type, message, code } = fault.error;
  return JSON.stringify(
    context.dialect === 'anthropic'
      ? { type: 'error', error: { type, message }, request_id: context.requestId }
      : { error: { message, type, param: null, code } },
  );
}

function malformedEvent({ dialect }: ErrorContext): string {
  return dialect === 'anthropic'
    ? 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'
    : 'data: {"id":"chatcmpl-broken","object":"chat.completion.chunk","choi\n\n';
}
