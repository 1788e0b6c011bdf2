const HEAD = 8;
const TAIL = 4;

/** A key as people may see it: its first eight and last four characters, fewer of a short one, at most half of any. */
export function maskKey(secret: string): string {
  const shown = Math.min(HEAD + TAIL, Math.floor(secret.length / 2));
  const tail = Math.floor((shown * TAIL) / (HEAD + TAIL));
  return `${secret.slice(0, shown - tail)}…${secret.slice(secret.length - tail)}`;
}
