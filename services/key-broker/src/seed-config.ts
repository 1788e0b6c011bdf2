import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { readConfig, readDataFile, type Environment } from '@omg/config';
import { z } from 'zod';
import { PROVIDER_REGISTRY, type ProviderSpec } from './domain/provider-registry.ts';
import { readEncryptionKeys } from './encryption-keys.ts';
import { readProviderFile } from './provider-file.ts';
import type { SeedOptions } from './seed-options.ts';
import type { EncryptionKey } from './store/secret-box.ts';

export interface SeedConfig {
  readonly mongoUrl: string;
  readonly database: string;
  /** Undefined: no keys are to be written. */
  readonly encryptionKeys: readonly [EncryptionKey, ...EncryptionKey[]] | undefined;
  readonly providers: readonly ProviderSpec[];
  readonly provider: ProviderSpec;
}

const DATABASE = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^?]+)/;

/** Throws a ConfigError that names every fault. */
export function readSeedConfig(
  options: Pick<SeedOptions, 'provider' | 'mongodbUrl' | 'file'>,
  { environment, dataDir }: { readonly environment: Environment; readonly dataDir: string },
): SeedConfig {
  const stack = readStack(dataDir);
  const given = options.mongodbUrl ?? nonEmpty(environment['MONGODB_URL']);
  const own = nonEmpty(environment['KEY_ENCRYPTION_KEYS']);
  return readConfig(
    {
      ...environment,
      MONGODB_URL: given ?? stack.mongoUrl,
      // the database of scripts/up goes with the key of scripts/up
      KEY_ENCRYPTION_KEYS: given === undefined ? (stack.encryptionKeys ?? own) : (own ?? stack.encryptionKeys),
    },
    (reader) => {
      const mongoUrl = reader.string('MONGODB_URL');
      if (mongoUrl === '') reader.fault(`there is no --mongodb-url, and no scripts/up has written ${dataDir}/env`);
      const path = reader.optionalString('PROVIDERS_FILE');
      const more = path === undefined ? [] : reader.file(() => readProviderFile(path, PROVIDER_REGISTRY), []);
      const providers = [...PROVIDER_REGISTRY, ...more];
      const [first] = PROVIDER_REGISTRY;
      const provider = providers.find(({ name }) => name === options.provider) ?? first;
      if (provider === undefined) throw new Error('the registry is empty');
      if (provider.name !== options.provider) {
        reader.fault(
          `there is no provider ${options.provider}; there is ${providers.map(({ name }) => name).join(', ')}`,
        );
      }
      return {
        mongoUrl,
        database: reader.string('MONGODB_DATABASE', DATABASE.exec(mongoUrl)?.[1] ?? 'key_broker'),
        encryptionKeys: options.file === undefined ? undefined : readEncryptionKeys(reader),
        providers,
        provider,
      };
    },
  );
}

interface StackFiles {
  readonly mongoUrl: string | undefined;
  readonly encryptionKeys: string | undefined;
}

/** What scripts/up has left in its data directory. */
function readStack(dataDir: string): StackFiles {
  const [env, secrets] = [join(dataDir, 'env'), join(dataDir, 'secrets.json')];
  return {
    mongoUrl: existsSync(env) ? parseEnv(readFileSync(env, 'utf8'))['BROKER_MONGO'] : undefined,
    encryptionKeys: existsSync(secrets)
      ? `up:${readDataFile(secrets, z.object({ encryptionKey: z.string() })).encryptionKey}`
      : undefined,
  };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value?.trim() === '' ? undefined : value;
}
