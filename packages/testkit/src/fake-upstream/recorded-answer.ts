import { makePart } from './answer.ts';
import type { Part } from './answer.ts';
import type { Recording } from './scenario.ts';
import { NO_TOKENS } from './tokens.ts';
import type { Tokens } from './tokens.ts';

/** The recorded bytes as they are; the books' numbers come from the recording's own counts, never from its text. */
export function* recordedParts(recording: Recording): Generator<Part> {
  const total = recordedTokens(recording);
  let output = 0;
  for (const [index, chunk] of recording.chunks.entries()) {
    const fields = typeof chunk === 'string' ? { text: chunk } : chunk;
    const last = index === recording.chunks.length - 1;
    const reached = last ? total.output : Math.min(total.output, fields.tokens ?? output);
    const bytes = Buffer.concat([Buffer.from(fields.text ?? '', 'utf8'), Buffer.from(fields.base64 ?? '', 'base64')]);
    yield makePart(index === 0 ? 'head' : 'content', bytes, {
      output: reached - output,
      reasoning: last ? total.reasoning : 0,
      usage: last && recording.tokens !== undefined ? { raw: null, promised: total, final: true } : null,
      delayMs: fields.delayMs ?? 0,
    });
    output = reached;
  }
}

export function recordedTokens(recording: Recording): Tokens {
  return recording.tokens ?? NO_TOKENS;
}
