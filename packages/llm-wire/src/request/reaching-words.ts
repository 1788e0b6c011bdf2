/** Content by reference (a URL, a file that was uploaded), and what the upstream is to run itself. */
const WORDS = new Set(['image_url', 'file_id', 'url', 'container', 'mcp_servers']);
/** Their ends are dates. */
const BEGINNINGS = ['web_search', 'web_fetch', 'code_execution'];
const BACKSLASH = 92;
/** The longest of them, dated, with each of its characters written as an escape. */
const MAX_BYTES = 160;

/** By the first byte: most strings begin as none of the words do. */
const MAY_BEGIN = new Uint8Array(256);
for (const word of [...WORDS, ...BEGINNINGS]) MAY_BEGIN[word.charCodeAt(0)] = 1;
MAY_BEGIN[BACKSLASH] = 1;

/** Whether the JSON string, quotes included, makes an upstream read more than it was sent. */
export function isReachingWord(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > MAX_BYTES || MAY_BEGIN[bytes[start + 1] ?? 0] !== 1) return false;
  const raw = bytes.toString('latin1', start + 1, end - 1);
  const word = raw.includes('\\') ? String(JSON.parse(`"${raw}"`)) : raw;
  return WORDS.has(word) || BEGINNINGS.some((beginning) => word.startsWith(beginning));
}
