import { REDACTED, scrubText } from './scrub-text.ts';
import { isSecretName } from './secret-names.ts';

export interface RedactLimits {
  readonly textChars: number;
  readonly items: number;
  readonly depth: number;
}

/** More than any secret's length: a secret that the first cut goes through lies behind the second one. */
const LONGEST_SECRET_CHARS = 8_192;
const MIN_BYTES = 16;

/** JSON data without secrets and within the limits: names that tell of secrets lose their values, texts are scrubbed. */
export function redact(value: unknown, limits: RedactLimits): unknown {
  if (typeof value === 'string') return shorten(value, limits.textChars);
  if (typeof value !== 'object' || value === null) return value;
  if (limits.depth === 0) return '[deeper]';
  const inner = { ...limits, depth: limits.depth - 1 };
  return Array.isArray(value) ? redactItems(value, inner) : redactFields(value, inner);
}

function redactItems(items: readonly unknown[], limits: RedactLimits): unknown {
  // a binary secret would pass every pattern as a list of numbers
  if (items.length >= MIN_BYTES && items.every(isByte)) return `[${items.length} bytes]`;
  const kept = items.slice(0, limits.items).map((item, index) => {
    // raw header lists: name, value, name, value
    const before = items[index - 1];
    return typeof before === 'string' && isSecretName(before) ? REDACTED : redact(item, limits);
  });
  if (items.length > kept.length) kept.push(`[${items.length - kept.length} more]`);
  return kept;
}

function redactFields(fields: object, limits: RedactLimits): unknown {
  const entries: (readonly [string, unknown])[] = Object.entries(fields);
  if (entries.length >= MIN_BYTES && entries.every(([, item]) => isByte(item))) return `[${entries.length} bytes]`;
  const named = entries.some(
    ([name, item]) => /^(?:name|key|header)$/i.test(name) && typeof item === 'string' && isSecretName(item),
  );
  const kept = entries.slice(0, limits.items).map(([name, item]) => {
    const secret = isSecretName(name) || (named && name.toLowerCase() === 'value');
    return [shorten(name, 256), secret && item !== null && typeof item !== 'boolean' ? REDACTED : redact(item, limits)];
  });
  if (entries.length > kept.length) kept.push(['more', `[${entries.length - kept.length} more]`]);
  // defines own properties only, so a field named __proto__ stays a field
  return Object.fromEntries(kept);
}

function isByte(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;
}

function shorten(text: string, limitChars: number): string {
  const scrubbed = scrubText(
    text.length > limitChars + LONGEST_SECRET_CHARS ? text.slice(0, limitChars + LONGEST_SECRET_CHARS) : text,
  );
  return scrubbed.length <= limitChars ? scrubbed : `${scrubbed.slice(0, limitChars)}[cut, ${text.length} characters]`;
}
