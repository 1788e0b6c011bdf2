export const REDACTED = '[redacted]';

/** Shorter values are part of ordinary words, and taking them out would make the log unreadable. */
const MIN_SECRET_CHARS = 6;

const registered = new Set<string>();
let registeredPattern: RegExp | undefined;

/** From now on this value leaves the process in no log line, whatever field or text it stands in. */
export function registerSecret(value: string): void {
  if (value.length < MIN_SECRET_CHARS || registered.has(value)) return;
  // also as it looks in a URL and inside a JSON text
  for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)]) registered.add(form);
  registeredPattern = undefined;
}

function registeredSecrets(): RegExp {
  // the longest first: a secret that begins with another one must not leave its tail
  registeredPattern ??= new RegExp(
    [...registered]
      .toSorted((a, b) => b.length - a.length)
      .map((secret) => RegExp.escape(secret))
      .join('|'),
    'g',
  );
  return registeredPattern;
}

const NAME = String.raw`[\w-]{0,40}(?:api[-_]?key|secret|passw(?:or)?d|passphrase|credentials?|private[-_]?key|client[-_]?key|token)`;
const HEADER = '(?:(?:proxy-)?authorization|(?:set-)?cookie)';
// the start of a word, also behind a line break that JSON wrote as \n
const START = String.raw`(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4}))`;
// of JSON, and of JSON inside JSON
const QUOTE = String.raw`\\{0,4}["']`;

const RULES: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g, REDACTED],
  [/(Bearer|Basic)(\s+)[A-Za-z0-9._~+/=-]{4,}/gi, `$1$2${REDACTED}`],
  [new RegExp(String.raw`${START}sk-[\w-]{4,}`, 'g'), REDACTED],
  [new RegExp(String.raw`${START}eyJ[\w-]{4,512}\.[\w-]+(?:\.[\w-]*)?`, 'g'), REDACTED],
  [new RegExp(String.raw`${START}(?:gh[a-z]_|xox[a-z]-|AKIA|AIza)[\w-]{12,}`, 'g'), REDACTED],
  // user:password@ of a URL; passwords that hold a slash are not valid there, and written there all the same
  [/(:\/\/)(?:[^\s/?#@"'<>]{0,1024}|[^\s/:@"'<>]{0,256}:[^\s@"'<>]{0,1024})@/g, `$1${REDACTED}@`],
  // headers of several words: up to the end of the line or the text they are quoted in
  [rule(String.raw`${HEADER}(?:${QUOTE})?\s*[:=]\s*(?:${QUOTE})?`, String.raw`[^\r\n"'\\]+`), `$1${REDACTED}`],
  [rule(String.raw`\b${NAME}(?:${QUOTE})?\s*[:=]\s*(?:${QUOTE})?`, String.raw`[^\s"'\\,;&}\]]+`), `$1${REDACTED}`],
  // ["name","value"] and {"name":"...","value":"..."}
  [
    rule(
      String.raw`${QUOTE}(?:${HEADER}|${NAME})${QUOTE}\s*,\s*(?:${QUOTE}value${QUOTE}\s*:\s*)?${QUOTE}`,
      String.raw`[^"'\\]+`,
    ),
    `$1${REDACTED}`,
  ],
  // what 256 random bits look like: long, of one piece, with both cases and digits; hex ids and digests are not
  [/(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{40,}/g, REDACTED],
];

function rule(before: string, secret: string): RegExp {
  return new RegExp(`(${before})${secret}`, 'gi');
}

/** The text without anything that is a registered secret or looks like a key, a token or a password. */
export function scrubText(text: string): string {
  const known = registered.size === 0 ? text : text.replace(registeredSecrets(), REDACTED);
  return RULES.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), known);
}
