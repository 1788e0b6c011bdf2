/** What must not be read in a text that goes to a client. */
export interface Hidden {
  /** Keys and passwords; their masked forms are found too. */
  readonly secrets?: readonly string[];
  /** Host names or addresses of upstreams and proxies; URLs on them are removed whole. */
  readonly hosts?: readonly string[];
  /** Names of providers, keys and proxies. */
  readonly names?: readonly string[];
}

const REMOVED = '[removed]';
/** Shorter ones would be found in every second word. */
const MIN_LENGTH = 3;

/** What relays add around the message that they relay: dropped without a trace. */
const wrappings: readonly RegExp[] = [
  /\blitellm\.\w+:\s*/gi,
  /\b\w+Exception - /g,
  /[.\s]*Received Model Group=[\s\S]*$/i,
  /\s*\(?\b(x-)?request[ _-]?id["']?\s*[:=]\s*["']?[\w-]+["']?\)?/gi,
];

const traces: readonly RegExp[] = [
  /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi,
  // Keys, whole or masked.
  /\b(sk|pk|rk|ak)-[\w*.…-]{4,}/gi,
  /[\w-]*\*{3,}[\w-]*/g,
  /\b[0-9a-f]{32,}\b/gi,
  /\b(org|proj)[-_][A-Za-z0-9]{6,}/g,
  /\breq_[A-Za-z0-9]{6,}/g,
  /\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b/g,
  /\b[a-z][a-z0-9+.-]*:\/\/[^\s/@]+@[^\s"']*/gi,
];

/** Takes out of a text whatever would tell a client about keys, proxies and providers. */
export function redact(text: string, hidden: Hidden): string {
  let result = text;
  for (const pattern of wrappings) result = result.replace(pattern, '');
  for (const host of usable(hidden.hosts)) {
    const url = new RegExp(`([a-z][a-z0-9+.-]*://)?([\\w.-]+\\.)?${RegExp.escape(host)}(:\\d+)?(/[^\\s"']*)?`, 'gi');
    result = result.replace(url, REMOVED);
  }
  for (const secret of usable(hidden.secrets)) {
    const masked = `${RegExp.escape(secret.slice(0, MIN_LENGTH))}[\\w-]*(\\*{2,}|\\.{2,}|…)[\\w-]*`;
    result = result.replace(new RegExp(`${RegExp.escape(secret)}|${masked}`, 'gi'), REMOVED);
  }
  for (const pattern of traces) result = result.replace(pattern, REMOVED);
  for (const name of usable(hidden.names)) result = result.replace(new RegExp(RegExp.escape(name), 'gi'), REMOVED);
  return result.trim();
}

/** The longest first, so that none is cut by a part of itself. */
function usable(texts: readonly string[] | undefined): readonly string[] {
  return (texts ?? []).filter(({ length }) => length >= MIN_LENGTH).toSorted((a, b) => b.length - a.length);
}
