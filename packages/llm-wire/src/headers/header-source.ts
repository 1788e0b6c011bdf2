/** Headers as Node and undici have them: a record, or names and values in turn. */
export type HeaderSource =
  | Readonly<Record<string, string | readonly string[] | undefined>>
  | readonly (string | Uint8Array)[];

/** Visits each header, its name in lower case. */
export function forEachHeader(headers: HeaderSource, visit: (name: string, value: string) => void): void {
  if (isRaw(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) visit(toText(headers[i]).toLowerCase(), toText(headers[i + 1]));
    return;
  }
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'string' ? [value] : value) visit(name.toLowerCase(), one);
  }
}

/** The first value of a header. */
export function headerValue(headers: HeaderSource, wanted: string): string | undefined {
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
