import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isClientKey, makeClientKey } from '@omg/client-key';
import { readDataFile } from '@omg/config';
import { z } from 'zod';
import type { StackSecrets } from './stack-options.ts';

const OWNER_ONLY = 0o600;
const TOKEN_BYTES = 24;
const ENCRYPTION_KEY_BYTES = 32;

const Secrets: z.ZodType<StackSecrets> = z.strictObject({
  routerToken: z.string().min(16),
  operatorToken: z.string().min(16),
  clientKey: z.string().refine(isClientKey, 'is no client key'),
  encryptionKey: z.base64(),
});

export function makeSecrets(): StackSecrets {
  return {
    routerToken: makeToken(),
    operatorToken: makeToken(),
    clientKey: makeClientKey(),
    encryptionKey: randomBytes(ENCRYPTION_KEY_BYTES).toString('base64'),
  };
}

/** The secrets of a data directory: made by the first start, the same in every later one. */
export function keepSecrets(dataDir: string): StackSecrets {
  const path = join(dataDir, 'secrets.json');
  if (existsSync(path)) return readDataFile(path, Secrets);
  const secrets = makeSecrets();
  writeSecretFile(path, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}

/** A file that nobody else on the machine can read. */
export function writeSecretFile(path: string, text: string): void {
  writeFileSync(path, text, { mode: OWNER_ONLY });
}

function makeToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}
