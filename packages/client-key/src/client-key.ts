import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'sk-omg-';
const RANDOM_BYTES = 32;
const CHECKSUM_BYTES = 4;
const FORM = /^sk-omg-[A-Za-z0-9_-]{48}$/;

/** A new client key: 256 random bits and their checksum. */
export function makeClientKey(): string {
  const random = randomBytes(RANDOM_BYTES);
  return PREFIX + Buffer.concat([random, checksum(random)]).toString('base64url');
}

/** Whether the text can be a client key at all; garbage is refused by this alone, without asking anybody. */
export function isClientKey(text: string): boolean {
  if (!FORM.test(text)) return false;
  const bytes = Buffer.from(text.slice(PREFIX.length), 'base64url');
  return checksum(bytes.subarray(0, RANDOM_BYTES)).equals(bytes.subarray(RANDOM_BYTES));
}

/** What is stored and looked up of a client key. */
export function clientKeyDigest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** What may be shown of a client key. */
export function maskClientKey(key: string): { readonly prefix: string; readonly lastFour: string } {
  return { prefix: key.slice(0, PREFIX.length + 4), lastFour: key.slice(-4) };
}

function checksum(random: Uint8Array): Buffer {
  const bytes = Buffer.alloc(CHECKSUM_BYTES);
  bytes.writeUInt32BE(crc32(random));
  return bytes;
}
