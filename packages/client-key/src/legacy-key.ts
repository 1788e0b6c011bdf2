const MIN_LENGTH = 24;
const MAX_LENGTH = 256;
const PRINTABLE = /^[\x21-\x7e]+$/;

/** Whether the text can be a key of a system before this one: those have no checksum, only a beginning of their own. */
export function isLegacyKey(text: string, prefixes: readonly string[]): boolean {
  return (
    text.length >= MIN_LENGTH &&
    text.length <= MAX_LENGTH &&
    prefixes.some((prefix) => text.startsWith(prefix)) &&
    PRINTABLE.test(text)
  );
}
