/**
 * Names and ids come from clients and upstreams: what would move the cursor, change colours or turn the writing
 * direction is shown as its escape.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
