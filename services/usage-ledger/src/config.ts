import { readConfig, readDefaultLimits, type ConfigReader, type Environment } from '@omg/config';
import {
  readAdvertise,
  readGrpcTls,
  readServiceGrants,
  readServiceTokens,
  type Authenticate,
  type GrpcTls,
  type HasGrant,
} from '@omg/grpc';
import { readProcessConfig, type ProcessConfig } from '@omg/service';
import type { SeedAccount } from './app/admin/seed-account.ts';
import type { StatedPrice } from './app/update-prices.ts';
import { readBootstrapFile } from './bootstrap-file.ts';
import type { AccountDefaults } from './domain/account-quotas.ts';
import { isTimeZone } from './domain/budget-window.ts';
import { DEFAULT_WARN_AT } from './domain/budget.ts';
import { GUARD_HORIZON_DAYS } from './domain/guard-horizon.ts';
import { readStatedPrices } from './stated-prices.ts';

export interface Config {
  readonly process: ProcessConfig;
  readonly grpcListen: string;
  /** Where other processes reach this one, when it listens on that port. */
  readonly advertise: (port: number) => string;
  readonly tls: GrpcTls | undefined;
  readonly authenticate: Authenticate;
  readonly hasGrant: HasGrant;
  readonly mongoUrl: string;
  readonly mongoDatabase: string;
  readonly natsUrl: string;
  readonly stream: string;
  readonly streamMaxBytes: number;
  readonly refusalsStream: string;
  readonly refusalsStreamMaxBytes: number;
  /** How long what is charged stays in the stream. */
  readonly streamKeepMs: number;
  /** Where the prices are stated, and what was stated there at the start. */
  readonly siteFiles: readonly string[];
  readonly prices: readonly StatedPrice[];
  readonly bootstrap: readonly SeedAccount[];
  readonly defaults: AccountDefaults;
  readonly snapshotTtlMs: number;
  readonly logRetentionMs: number;
}

/** Who may administer accounts, and who may ask for what routers need to know of them. */
const GRANTS = { known: ['admin', 'router'], defaults: ['router=router', 'operator=admin'] };
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const DAY_MS = 86_400_000;

export function loadConfig(environment: Environment): Config {
  return readConfig(environment, (reader) => {
    const grpcListen = reader.address('GRPC_LISTEN', '0.0.0.0:7002');
    const siteFiles = reader.list('SITE_FILES');
    return {
      process: readProcessConfig(reader, 'usage-ledger'),
      grpcListen,
      advertise: readAdvertise(reader, grpcListen),
      tls: readGrpcTls(reader),
      authenticate: readServiceTokens(reader),
      hasGrant: readServiceGrants(reader, GRANTS),
      mongoUrl: reader.url('MONGODB_URL', ['mongodb', 'mongodb+srv']),
      mongoDatabase: reader.string('MONGODB_DATABASE', 'usage_ledger'),
      natsUrl: reader.string('NATS_URL'),
      stream: reader.string('USAGE_STREAM', 'USAGE'),
      streamMaxBytes: reader.integer('USAGE_STREAM_MAX_BYTES', { default: GIB, min: 1024 * 1024 }),
      refusalsStream: reader.string('REFUSALS_STREAM', 'REFUSALS'),
      refusalsStreamMaxBytes: reader.integer('REFUSALS_STREAM_MAX_BYTES', { default: 64 * MIB, min: MIB }),
      streamKeepMs: reader.durationMs('USAGE_STREAM_KEEP', 2 * DAY_MS),
      siteFiles,
      prices: siteFiles.flatMap((path) => statedPrices(reader, path)),
      bootstrap: readBootstrap(reader),
      defaults: readAccountDefaults(reader),
      snapshotTtlMs: reader.durationMs('ACCOUNT_SNAPSHOT_TTL', 30_000),
      logRetentionMs: readLogRetention(reader),
    };
  });
}

function readLogRetention(reader: ConfigReader): number {
  const retentionMs = reader.durationMs('LOG_RETENTION', 90 * DAY_MS);
  if (retentionMs < GUARD_HORIZON_DAYS * DAY_MS)
    reader.fault(`LOG_RETENTION must be ${GUARD_HORIZON_DAYS}d or more: what is charged is known by its log`);
  return retentionMs;
}

function readBootstrap(reader: ConfigReader): readonly SeedAccount[] {
  const path = reader.optionalString('BOOTSTRAP_FILE');
  return path === undefined ? [] : reader.file(() => readBootstrapFile(path), []);
}

function statedPrices(reader: ConfigReader, path: string): readonly StatedPrice[] {
  return reader.file(() => readStatedPrices(path), []);
}

/** The `DEFAULT_*` values, as accounts are understood here. */
function readAccountDefaults(reader: ConfigReader): AccountDefaults {
  const { clientKey, tenant, budget } = readDefaultLimits(reader);
  const timeZone = reader.string('DEFAULT_BUDGET_TIME_ZONE', 'UTC');
  if (!isTimeZone(timeZone)) reader.fault('DEFAULT_BUDGET_TIME_ZONE must be a time zone such as UTC or Europe/Berlin');
  const period = { kind: budget.period, timeZone } as const;
  return {
    clientKey,
    tenant,
    budget: { nanoUsd: budget.nanoUsd, period, warnAt: DEFAULT_WARN_AT, hard: budget.hard },
  };
}
