import { readFileSync } from 'node:fs';
import { ConfigError, readConfig, Secret, type Environment } from '@omg/config';
import { readGrpcTls, type GrpcTls } from '@omg/grpc';
import { CommandFailure, UsageError } from '../failures.ts';
import type { StackEnvFile } from './stack-env-file.ts';

export interface ServiceNames {
  readonly name: 'key-broker' | 'usage-ledger';
  readonly option: 'broker' | 'ledger';
  /** Variables of its gRPC address and of the address of its operations listener. */
  readonly variable: 'BROKER_ADDR' | 'LEDGER_ADDR';
  readonly opsVariable: 'BROKER_OPS' | 'LEDGER_OPS';
}

export const KEY_BROKER: ServiceNames = {
  name: 'key-broker',
  option: 'broker',
  variable: 'BROKER_ADDR',
  opsVariable: 'BROKER_OPS',
};
export const USAGE_LEDGER: ServiceNames = {
  name: 'usage-ledger',
  option: 'ledger',
  variable: 'LEDGER_ADDR',
  opsVariable: 'LEDGER_OPS',
};

export interface ServiceAddress {
  /** `host:port` of gRPC. */
  readonly address: string;
  /** Where the address was found, for people. */
  readonly source: string;
  /** Only where it was found beside the address: anything else could be another process. */
  readonly opsUrl: string | undefined;
}

export interface ConnectionSources {
  readonly options: Readonly<Partial<Record<'broker' | 'ledger' | 'token-file', string | undefined>>>;
  readonly environment: Environment;
  /** Asked only for what the others do not say. */
  readonly stackEnvFile: () => StackEnvFile | undefined;
}

/** Addresses and credentials, looked up when they are needed; each throws a sentence where it is missing or faulty. */
export class ConnectionSettings {
  readonly #sources: ConnectionSources;

  constructor(sources: ConnectionSources) {
    this.#sources = sources;
  }

  service({ name, option, variable, opsVariable }: ServiceNames): ServiceAddress {
    const given = this.#sources.options[option];
    if (given !== undefined) return { address: checkedOption(option, given), source: `--${option}`, opsUrl: undefined };
    const found = this.#find(variable);
    if (found === undefined) {
      throw new CommandFailure(
        `the address of ${name} is not known: set ${variable}, or --${option}, or run omg where scripts/up keeps data/env`,
      );
    }
    const { address, opsUrl } = read(found.values, (reader) => ({
      address: reader.address(variable),
      opsUrl: reader.optionalUrl(opsVariable, ['http', 'https']),
    }));
    return { address, source: `${variable} in ${found.source}`, opsUrl };
  }

  token(): { readonly token: Secret; readonly source: string } {
    const path = this.#sources.options['token-file'];
    if (path !== undefined) return { token: readTokenFile(path), source: path };
    const found = this.#find('SERVICE_TOKEN');
    if (found === undefined) {
      throw new CommandFailure(
        'there is no service token: set SERVICE_TOKEN, or --token-file, or run omg where scripts/up keeps data/env',
      );
    }
    return {
      token: read(found.values, (reader) => reader.secret('SERVICE_TOKEN')),
      source: `SERVICE_TOKEN in ${found.source}`,
    };
  }

  tls(): GrpcTls | undefined {
    return read(this.#sources.environment, readGrpcTls);
  }

  #find(variable: string): { readonly values: Environment; readonly source: string } | undefined {
    const { environment } = this.#sources;
    if (isSet(environment, variable)) return { values: environment, source: 'the environment' };
    const file = this.#sources.stackEnvFile();
    return file !== undefined && isSet(file.values, variable) ? { values: file.values, source: file.path } : undefined;
  }
}

function isSet(values: Environment, name: string): boolean {
  return (values[name] ?? '').trim() !== '';
}

const read: typeof readConfig = (values, take) => {
  try {
    return readConfig(values, take);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandFailure(error.faults.join('; '), { cause: error });
    throw error;
  }
};

function checkedOption(option: string, value: string): string {
  try {
    return readConfig({ [`--${option}`]: value }, (reader) => reader.address(`--${option}`));
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.faults.join('; '), { cause: error });
    throw error;
  }
}

function readTokenFile(path: string): Secret {
  try {
    const text = readFileSync(path, 'utf8').trim();
    if (/^\S+$/.test(text)) return new Secret(text);
  } catch (error) {
    throw new CommandFailure(
      `the token file cannot be read (${error instanceof Error ? error.message : String(error)})`,
      { cause: error },
    );
  }
  throw new CommandFailure(`${path} does not hold a token: one word is expected`);
}
