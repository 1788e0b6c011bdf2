import type { Tokens } from './tokens.ts';

/** A usage object on its way: what it says, and what a right reader concludes once it has arrived. */
export interface SentUsage {
  readonly raw: unknown;
  readonly promised: Tokens;
  readonly final: boolean;
}

/** One event of a stream, or the whole of a plain answer. */
export interface Part {
  readonly kind: 'head' | 'block' | 'content' | 'finish' | 'usage' | 'done' | 'whole';
  readonly bytes: Buffer;
  /** Output tokens that the client has received once the part's last byte was written. */
  readonly output: number;
  /** Of these, reasoning. */
  readonly reasoning: number;
  readonly usage: SentUsage | null;
  /** Wait before it; null takes the scenario's pace. */
  readonly delayMs: number | null;
}

/** Everything that is known before the first byte goes out. */
export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly streamed: boolean;
  readonly parts: Iterable<Part>;
  /** What the provider charges for the prompt as soon as it begins to answer. */
  readonly prompt: Tokens;
}

export interface PartFields {
  readonly output?: number;
  readonly reasoning?: number;
  readonly usage?: SentUsage | null;
  readonly delayMs?: number;
}

export function makePart(kind: Part['kind'], data: string | Buffer, fields: PartFields = {}): Part {
  return {
    kind,
    bytes: typeof data === 'string' ? Buffer.from(data, 'utf8') : data,
    output: fields.output ?? 0,
    reasoning: fields.reasoning ?? 0,
    usage: fields.usage ?? null,
    delayMs: fields.delayMs ?? null,
  };
}
