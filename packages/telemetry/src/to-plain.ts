const MAX_DEPTH = 8;
const MAX_CAUSES = 5;

/**
 * JSON data that says what the value says. JSON.stringify alone would lose errors, maps and sets, throw on bigints and
 * cycles, and write out buffers byte by byte. Never throws: a logger must not.
 */
export function toPlain(value: unknown): unknown {
  return convert(value, []);
}

function convert(value: unknown, parents: readonly object[]): unknown {
  switch (typeof value) {
    case 'bigint':
      return value.toString();
    case 'symbol':
      return value.toString();
    case 'function':
      return '[function]';
    case 'object':
      if (value === null) return null;
      if (parents.includes(value)) return '[circular]';
      if (parents.length >= MAX_DEPTH) return '[deeper]';
      try {
        return convertObject(value, [...parents, value]);
      } catch {
        return '[unreadable]';
      }
    default:
      return value;
  }
}

function convertObject(value: object, parents: readonly object[]): unknown {
  if (value instanceof Error) return convertError(value, parents);
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return [...value].map((entry) => convert(entry, parents));
  if (value instanceof Set || Array.isArray(value)) return [...value].map((item) => convert(item, parents));
  // fetch's headers: own no fields and would be written as {}
  if (value instanceof Headers || value instanceof URLSearchParams) return convert(Object.fromEntries(value), parents);
  // dates, URLs, ids of MongoDB, secrets that hide themselves
  if ('toJSON' in value) return convert(JSON.parse(JSON.stringify(value)), parents);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, convert(item, parents)]));
}

/** Chosen fields only: libraries hang whole requests with their headers on their errors. */
function convertError(error: Error, parents: readonly object[]): unknown {
  const causes = parents.filter((parent) => parent instanceof Error).length;
  const inner = (name: string): unknown => {
    const item: unknown = Reflect.get(error, name);
    return item === undefined ? undefined : convert(item, parents);
  };
  return {
    type: error.name,
    code: inner('code'),
    message: error.message,
    stack: error.stack,
    details: inner('details'),
    ...(causes > MAX_CAUSES
      ? {}
      : { cause: inner('cause'), errors: inner('errors'), error: inner('error'), suppressed: inner('suppressed') }),
  };
}
