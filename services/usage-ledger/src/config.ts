import {
  readConfig,
  readDefaultLimits,
  readSiteFile,
  type ConfigReader,
  type DefaultLimits,
  type Environment,
  type SiteFile,
} from '@omg/config';
import { readGrpcTls, readServiceTokens, type Authenticate, type GrpcTls } from '@omg/grpc';
import { readProcessConfig, type ProcessConfig } from '@omg/service';
import type { BootstrapTenant } from './app/bootstrap.ts';
import type { StatedPrice } from './app/update-prices.ts';
import { readBootstrapFile } from './bootstrap-file.ts';
import { parseNano } from './domain/money.ts';
import type { Price, Rates } from './domain/price.ts';

export interface Config {
  readonly process: ProcessConfig;
  readonly grpcListen: string;
  readonly tls: GrpcTls | undefined;
  readonly authenticate: Authenticate;
  readonly mongoUrl: string;
  readonly mongoDatabase: string;
  readonly natsUrl: string;
  readonly stream: string;
  readonly streamMaxBytes: number;
  readonly prices: readonly StatedPrice[];
  readonly bootstrap: readonly BootstrapTenant[];
  readonly defaults: DefaultLimits;
  readonly snapshotTtlMs: number;
}

const GIB = 1024 ** 3;

export function loadConfig(environment: Environment): Config {
  return readConfig(environment, (reader) => ({
    process: readProcessConfig(reader, 'usage-ledger'),
    grpcListen: reader.address('GRPC_LISTEN', '0.0.0.0:7002'),
    tls: readGrpcTls(reader),
    authenticate: readServiceTokens(reader),
    mongoUrl: reader.url('MONGODB_URL', ['mongodb', 'mongodb+srv']),
    mongoDatabase: reader.string('MONGODB_DATABASE', 'usage_ledger'),
    natsUrl: reader.string('NATS_URL'),
    stream: reader.string('USAGE_STREAM', 'USAGE'),
    streamMaxBytes: reader.integer('USAGE_STREAM_MAX_BYTES', { default: GIB, min: 1024 * 1024 }),
    prices: reader.list('SITE_FILES').flatMap((path) => statedPrices(reader, path)),
    bootstrap: readBootstrap(reader),
    defaults: readDefaultLimits(reader),
    snapshotTtlMs: reader.durationMs('ACCOUNT_SNAPSHOT_TTL', 30_000),
  }));
}

function readBootstrap(reader: ConfigReader): readonly BootstrapTenant[] {
  const path = reader.optionalString('BOOTSTRAP_FILE');
  return path === undefined ? [] : reader.file(() => readBootstrapFile(path), []);
}

function statedPrices(reader: ConfigReader, path: string): readonly StatedPrice[] {
  const file = reader.file<SiteFile | undefined>(() => readSiteFile(path), undefined);
  return (file?.models ?? []).map(({ id, price, multiplier }) => ({
    site: file?.site ?? '',
    model: id,
    price: toPrice(price, multiplier),
  }));
}

function toPrice({ tiers, ...rates }: SiteFile['models'][number]['price'], multiplier: string): Price {
  return {
    rates: toRates(rates),
    tiers: tiers
      .toSorted((a, b) => a.aboveInputTokens - b.aboveInputTokens)
      .map(({ aboveInputTokens, ...tierRates }) => ({
        aboveInputTokens: BigInt(aboveInputTokens),
        ...toRates(tierRates),
      })),
    multiplierNano: parseNano(multiplier),
  };
}

function toRates(rates: Record<keyof Rates, string>): Rates {
  return {
    input: parseNano(rates.input),
    output: parseNano(rates.output),
    cacheWrite5m: parseNano(rates.cacheWrite5m),
    cacheWrite1h: parseNano(rates.cacheWrite1h),
    cacheRead: parseNano(rates.cacheRead),
  };
}
