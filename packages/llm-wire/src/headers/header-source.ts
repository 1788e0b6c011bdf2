/** Headers as Node and undici have them: a record whose names are in lower case, or names and values in turn. */
export type HeaderSource =
  | Readonly<Record<string, string | readonly string[] | undefined>>
  | readonly (string | Uint8Array)[];

/** Visits each header, its name in lower case. */
export function forEachHeader(headers: HeaderSource, visit: (name: string, value: string) => void): void {
  if (isRaw(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) visit(toText(headers[i]).toLowerCase(), toText(headers[i + 1]));
    return;
  }
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string') visit(name, value);
    else for (const one of value ?? []) visit(name, one);
  }
}

/** The first value of a header. */
export function headerValue(headers: HeaderSource, wanted: string): string | undefined {
  if (!isRaw(headers)) {
    const value = headers[wanted];
    return typeof value === 'string' ? value : value?.[0];
  }
  let found: string | undefined;
  forEachHeader(headers, (name, value) => {
    if (name === wanted) found ??= value;
  });
  return found;
}

function isRaw(headers: HeaderSource): headers is readonly (string | Uint8Array)[] {
  return Array.isArray(headers);
}

function toText(value: string | Uint8Array | undefined): string {
  if (value === undefined || typeof value === 'string') return value ?? '';
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1');
}
