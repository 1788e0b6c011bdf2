import { readConfig, type ConfigReader, type Environment } from '@omg/config';
import { readAdvertise, readGrpcTls, readServiceTokens, type Authenticate, type GrpcTls } from '@omg/grpc';
import { readProcessConfig, type ProcessConfig } from '@omg/service';
import type { ServiceGrants } from './app/service-grants.ts';
import { readServiceGrants } from './service-grants.ts';
import type { PoolConfig } from './domain/pool/pool-types.ts';
import { PROVIDER_REGISTRY, withBaseUrl, type ProviderSpec } from './domain/provider-registry.ts';
import { USED_BACKUP_TTL_MS } from './domain/rotation-plan.ts';
import { readEncryptionKeys } from './encryption-keys.ts';
import { readProviderFile } from './provider-file.ts';
import { readPoolConfig } from './read-pool-config.ts';
import type { EncryptionKey } from './store/secret-box.ts';

export interface Config {
  readonly process: ProcessConfig;
  readonly grpcListen: string;
  /** Where other processes reach this one, when it listens on that port. */
  readonly advertise: (port: number) => string;
  readonly tls: GrpcTls | undefined;
  readonly authenticate: Authenticate;
  readonly grants: ServiceGrants;
  /** The first seals, all open. */
  readonly encryptionKeys: readonly [EncryptionKey, ...EncryptionKey[]];
  readonly mongoUrl: string;
  readonly mongoDatabase: string;
  readonly natsUrl: string;
  readonly stream: string;
  readonly providers: readonly ConfiguredProvider[];
  readonly pool: PoolConfig;
  readonly usedBackupTtlMs: number;
  /** How often what keys were used for is written at most. */
  readonly countEveryMs: number;
}

export interface ConfiguredProvider {
  readonly spec: ProviderSpec;
  /** The keys that the environment gives; undefined where it says nothing of them. */
  readonly environmentKeys: readonly string[] | undefined;
}

export function loadConfig(environment: Environment): Config {
  return readConfig(environment, (reader) => {
    const process = readProcessConfig(reader, 'key-broker');
    const grpcListen = reader.address('GRPC_LISTEN', '0.0.0.0:7001');
    const providers = readProviders(reader, environment);
    return {
      process,
      grpcListen,
      advertise: readAdvertise(reader, grpcListen),
      tls: readGrpcTls(reader),
      authenticate: readServiceTokens(reader),
      grants: readServiceGrants(
        reader,
        providers.map(({ spec }) => spec.name),
      ),
      encryptionKeys: readEncryptionKeys(reader),
      mongoUrl: reader.url('MONGODB_URL', ['mongodb', 'mongodb+srv']),
      mongoDatabase: reader.string('MONGODB_DATABASE', 'key_broker'),
      natsUrl: reader.string('NATS_URL'),
      stream: reader.string('USAGE_STREAM', 'USAGE'),
      providers,
      pool: readPoolConfig(reader, process.environment === 'prod'),
      usedBackupTtlMs: reader.durationMs('USED_BACKUP_TIME', USED_BACKUP_TTL_MS),
      countEveryMs: reader.durationMs('KEY_COUNTERS_INTERVAL', 5_000),
    };
  });
}

/** PROVIDERS names those to serve, PROVIDERS_FILE adds some that the registry does not have. */
function readProviders(reader: ConfigReader, environment: Environment): readonly ConfiguredProvider[] {
  const path = reader.optionalString('PROVIDERS_FILE');
  const more = path === undefined ? [] : reader.file(() => readProviderFile(path, PROVIDER_REGISTRY), []);
  const registry = [...PROVIDER_REGISTRY, ...more];
  const names = reader.list(
    'PROVIDERS',
    registry.map(({ name }) => name),
  );
  for (const name of names) {
    if (registry.some((spec) => spec.name === name)) continue;
    reader.fault(`PROVIDERS names ${name}; there is ${registry.map((spec) => spec.name).join(', ')}`);
  }
  return registry
    .filter(({ name }) => names.includes(name))
    .map((spec) => {
      const prefix = spec.name.toUpperCase();
      const keys = reader.secrets(`${prefix}_API_KEYS`).map((key) => key.reveal());
      const primary = reader.optionalUrl(`${prefix}_BASE_URL`, ['http', 'https']);
      const backup = reader.optionalUrl(`${prefix}_BACKUP_BASE_URL`, ['http', 'https']);
      return {
        spec: withBaseUrl(spec, { primary, backup }),
        environmentKeys: environment[`${prefix}_API_KEYS`] === undefined ? undefined : keys,
      };
    });
}
