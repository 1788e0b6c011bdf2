import { forEachHeader } from './header-source.ts';
import type { HeaderSource } from './header-source.ts';

const BEARER = /^bearer +(\S+) *$/i;
/** A key is far shorter; nothing longer is hashed. */
const MAX_KEY_LENGTH = 512;

/**
 * The key that a client presents: `Authorization: Bearer` or `x-api-key`, on every route, because SDKs of one dialect
 * send either. Where both are there the bearer token counts.
 */
export function presentedKey(headers: HeaderSource): string | undefined {
  let bearer: string | undefined;
  let apiKey: string | undefined;
  forEachHeader(headers, (name, value) => {
    if (name === 'authorization') bearer ??= BEARER.exec(value)?.[1];
    else if (name === 'x-api-key' && value.trim() !== '') apiKey ??= value.trim();
  });
  const key = bearer ?? apiKey;
  return key === undefined || key.length > MAX_KEY_LENGTH ? undefined : key;
}
