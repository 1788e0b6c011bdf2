import type { ConfigReader } from '@omg/config';
import type { EncryptionKey } from './store/secret-box.ts';

const KEY_BYTES = 32;
const NOBODYS: EncryptionKey = { id: '', key: Buffer.alloc(0) };

/** KEY_ENCRYPTION_KEYS: `id:base64` of 32 bytes each; there is no default, in whatever environment. */
export function readEncryptionKeys(reader: ConfigReader): readonly [EncryptionKey, ...EncryptionKey[]] {
  const keys = reader.secrets('KEY_ENCRYPTION_KEYS').flatMap((entry): EncryptionKey[] => {
    const [, id, text] = /^([\w-]{1,32}):([A-Za-z0-9+/]+={0,2})$/.exec(entry.reveal()) ?? [];
    const key = Buffer.from(text ?? '', 'base64');
    if (id !== undefined && key.length === KEY_BYTES) return [{ id, key }];
    reader.fault('KEY_ENCRYPTION_KEYS must be a list of id:key, each key 32 bytes in base64 (openssl rand -base64 32)');
    return [];
  });
  const [first = NOBODYS, ...rest] = keys;
  if (first === NOBODYS)
    reader.fault('KEY_ENCRYPTION_KEYS is not set: the keys that encrypt upstream keys in the database');
  return [first, ...rest];
}
