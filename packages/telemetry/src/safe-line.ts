import { redact, type RedactLimits } from './redact.ts';
import { scrubText } from './scrub-text.ts';
import { toPlain } from './to-plain.ts';

/** Half of what a pipe takes in one piece and far more than a useful line has. */
const MAX_LINE_CHARS = 32_768;

const LIMITS: readonly [RedactLimits, ...RedactLimits[]] = [
  { textChars: 8_192, items: 100, depth: 10 },
  { textChars: 1_024, items: 20, depth: 4 },
  { textChars: 512, items: 20, depth: 1 },
];

/**
 * The only way of a log line out of the process. It works on the finished line, so nothing that a caller does with
 * fields, bindings, prefixes or format arguments goes round it.
 */
export function toSafeLine(line: string): string {
  const fields = parse(line);
  for (const limits of LIMITS) {
    const text = JSON.stringify(redact(fields, limits));
    if (text.length <= MAX_LINE_CHARS) return `${text}\n`;
  }
  return `${JSON.stringify({ level: 'error', msg: `a log line of ${line.length} characters was left out` })}\n`;
}

/** An argument of a format string, as it may be written into the text: there the names are out of reach. */
export function toSafeArgument(argument: unknown): unknown {
  return typeof argument === 'object' ? redact(toPlain(argument), LIMITS[0]) : argument;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return { level: 'error', msg: scrubText(line.slice(0, MAX_LINE_CHARS)) };
  }
}
