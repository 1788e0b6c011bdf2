import { readConfig, type Environment } from '@omg/config';
import { readGrpcTls, readServiceTokens, type Authenticate, type GrpcTls } from '@omg/grpc';
import { readProcessConfig, type ProcessConfig } from '@omg/service';
import { readEncryptionKeys } from './encryption-keys.ts';
import type { EncryptionKey } from './store/secret-box.ts';
import { PROVIDERS, withBaseUrl, type Provider } from './domain/provider.ts';

export interface Config {
  readonly process: ProcessConfig;
  readonly grpcListen: string;
  readonly tls: GrpcTls | undefined;
  readonly authenticate: Authenticate;
  /** The first seals, all open. */
  readonly encryptionKeys: readonly [EncryptionKey, ...EncryptionKey[]];
  readonly mongoUrl: string;
  readonly mongoDatabase: string;
  readonly providers: readonly ConfiguredProvider[];
  readonly leaseTtlMs: number;
  readonly reloadEveryMs: number;
}

export interface ConfiguredProvider {
  readonly provider: Provider;
  /** The keys that the environment gives; undefined where it says nothing of them. */
  readonly environmentKeys: readonly string[] | undefined;
}

export function loadConfig(environment: Environment): Config {
  return readConfig(environment, (reader) => ({
    process: readProcessConfig(reader, 'key-broker'),
    grpcListen: reader.address('GRPC_LISTEN', '0.0.0.0:7001'),
    tls: readGrpcTls(reader),
    authenticate: readServiceTokens(reader),
    encryptionKeys: readEncryptionKeys(reader),
    mongoUrl: reader.url('MONGODB_URL', ['mongodb', 'mongodb+srv']),
    mongoDatabase: reader.string('MONGODB_DATABASE', 'key_broker'),
    providers: PROVIDERS.map((provider) => {
      const prefix = provider.name.toUpperCase();
      const keys = reader.secrets(`${prefix}_API_KEYS`).map((key) => key.reveal());
      return {
        provider: withBaseUrl(provider, reader.optionalUrl(`${prefix}_BASE_URL`, ['http', 'https'])),
        environmentKeys: environment[`${prefix}_API_KEYS`] === undefined ? undefined : keys,
      };
    }),
    leaseTtlMs: reader.durationMs('LEASE_TTL', 15_000),
    reloadEveryMs: reader.durationMs('KEY_RELOAD_INTERVAL', 2_000),
  }));
}
