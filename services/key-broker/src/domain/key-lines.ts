/** A key as a file gives it; what is absent is the default. */
export interface KeyLine {
  /** The line, or of a JSON array the entry, from 1 on. */
  readonly at: number;
  readonly id: string;
  readonly apiKey: string;
  readonly enabled?: boolean;
  readonly enableFailover?: boolean;
  readonly allowedModels?: readonly string[];
  readonly slots?: number;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

export interface LineFault {
  readonly at: number;
  /** Never a part of the line: it may be the secret. */
  readonly reason: string;
}

export interface KeyLines {
  readonly entries: readonly KeyLine[];
  readonly faults: readonly LineFault[];
}

type Parsed = Omit<KeyLine, 'at'> | { readonly reason: string };

/**
 * A file of keys: lines `id|apiKey`, or JSON objects with the fields of a key's document (`_id` or `id`, `apiKey`, ...),
 * one on each line or all in one array. Empty lines and lines that begin with # say nothing; fields that are not a key's
 * terms are left out.
 */
export function parseKeyLines(text: string): KeyLines {
  const body = text.replace(/^\uFEFF/, '');
  const parsed = body.trimStart().startsWith('[') ? parseArray(body) : parseLines(body);
  const entries: KeyLine[] = [];
  const faults: LineFault[] = [];
  for (const [at, one] of parsed) {
    if ('reason' in one) faults.push({ at, reason: one.reason });
    else entries.push({ at, ...one });
  }
  return { entries, faults };
}

function parseLines(text: string): readonly (readonly [number, Parsed])[] {
  return text.split(/\r?\n|\r/).flatMap((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return [];
    return [[index + 1, line.startsWith('{') ? parseObject(parseJson(line)) : parsePair(line)] as const];
  });
}

function parseArray(text: string): readonly (readonly [number, Parsed])[] {
  const all = parseJson(text);
  if (!Array.isArray(all)) return [[1, { reason: 'it is not valid JSON' }]];
  return all.map((one: unknown, index) => [index + 1, parseObject(one)]);
}

function parsePair(line: string): Parsed {
  const [id = '', apiKey, ...more] = line.split('|').map((part) => part.trim());
  if (apiKey === undefined) return { reason: 'it is not id|apiKey' };
  if (more.length > 0) return { reason: 'it has more than one |' };
  return check({ id, apiKey });
}

function parseObject(value: unknown): Parsed {
  if (value === undefined) return { reason: 'it is not valid JSON' };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { reason: 'it is not an object' };
  const fields = new Map<string, unknown>(Object.entries(value));
  const of = (name: string): unknown => plain(fields.get(name));
  const terms: Record<string, unknown> = {};
  const faults: string[] = [];
  const take = (name: string, into: string, isValid: (given: unknown) => boolean, what: string): void => {
    const given = of(name);
    if (given === undefined || given === null) return;
    if (isValid(given)) terms[into] = given;
    else faults.push(`${name} is not ${what}`);
  };
  const isBoolean = (given: unknown): boolean => typeof given === 'boolean';
  take('isEnabled', 'enabled', isBoolean, 'true or false');
  take('enableFailover', 'enableFailover', isBoolean, 'true or false');
  take('allowedModels', 'allowedModels', isTexts, 'a list of names');
  for (const name of ['slots', 'requestsPerMinute', 'tokensPerMinute']) {
    take(name, name, isLimit, 'a whole number above 0');
  }
  const id = of('_id') ?? of('id');
  const apiKey = of('apiKey');
  if (typeof id !== 'string') faults.push('it has no _id (or id)');
  if (typeof apiKey !== 'string') faults.push('it has no apiKey');
  if (faults.length > 0 || typeof id !== 'string' || typeof apiKey !== 'string') return { reason: faults.join(', ') };
  return check({ id: id.trim(), apiKey: apiKey.trim(), ...terms });
}

function check<T extends { readonly id: string; readonly apiKey: string }>(line: T): T | { readonly reason: string } {
  const { id, apiKey } = line;
  if (id === '') return { reason: 'it has no name' };
  if (apiKey === '') return { reason: 'it has no key' };
  return line;
}

/** Values as mongoexport writes them: `{"$oid": ...}`, `{"$numberLong": "5"}`. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const [[name, inner] = ['', undefined], ...more] = Object.entries(value);
  if (more.length > 0 || typeof inner !== 'string') return value;
  if (name === '$oid') return inner;
  return /^\$number(?:Int|Long|Double|Decimal)$/.test(name) ? Number(inner) : value;
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '');
}

function isLimit(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

/** The parser's own message would quote the text. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
