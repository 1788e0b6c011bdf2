import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

export interface EncryptionKey {
  /** Stands in every value, so that keys can be changed one after the other. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Buffer;
}

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** The database finds by it what is still plain. */
export const SEALED = /^omg1:([\w-]{1,32}):([\w-]+)$/;

/** Seals what must not be readable in the database's files: AES-256-GCM, as `omg1:<key id>:<base64url>`. */
export class SecretBox {
  readonly #current: EncryptionKey;
  readonly #keys: ReadonlyMap<string, Buffer>;

  /** The current key seals; the earlier ones only open. */
  constructor(current: EncryptionKey, earlier: readonly EncryptionKey[] = []) {
    this.#current = current;
    this.#keys = new Map([...earlier, current].map(({ id, key }) => [id, key]));
  }

  seal(secret: string): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(CIPHER, this.#current.key, iv);
    const sealed = Buffer.concat([iv, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `omg1:${this.#current.id}:${sealed.toString('base64url')}`;
  }

  /** Sealed, whichever it was before. */
  sealed(stored: string): string {
    return SEALED.test(stored) ? stored : this.seal(stored);
  }

  /** What was sealed. A value that is not sealed is taken as it is: older systems wrote plain ones. */
  open(stored: string): string {
    const [, id, text] = SEALED.exec(stored) ?? [];
    if (id === undefined || text === undefined) return stored;
    const key = this.#keys.get(id);
    if (key === undefined) throw new Error(`it was encrypted with the key ${id}, which is not configured`);
    const bytes = Buffer.from(text, 'base64url');
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  }
}
