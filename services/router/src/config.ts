import { isIP } from 'node:net';
import { readConfig, type ConfigReader, type Environment, type Secret } from '@omg/config';
import { readGrpcTls, type GrpcTls } from '@omg/grpc';
import { readProcessConfig, type ProcessConfig } from '@omg/service';
import { RETRY_DEFAULTS } from './domain/retry-policy.ts';
import type { Site } from './domain/site.ts';
import { readSite } from './read-site.ts';

export interface Config {
  readonly process: ProcessConfig;
  readonly host: string;
  readonly port: number;
  /** How long a router that was told to stop takes what still comes. */
  readonly drainPauseMs: number;
  readonly siteFile: string;
  readonly site: Site;
  /** Of key systems before this one: keys that begin so are looked up, too. */
  readonly legacyKeyPrefixes: readonly string[];
  /** Addresses and networks whose `x-forwarded-for` counts. */
  readonly trustedProxies: readonly string[];
  /** How many wrong keys an address may present in a minute. */
  readonly badKeysPerMinute: number;
  /** `host:port` of key-broker; several where no name stands for all of its replicas. */
  readonly brokerAddresses: readonly string[];
  /** `host:port` of usage-ledger; several where no name stands for all of its replicas. */
  readonly ledgerAddresses: readonly string[];
  readonly serviceToken: Secret;
  readonly tls: GrpcTls | undefined;
  readonly natsUrl: string;
  readonly stream: string;
  readonly refusalsStream: string;
  readonly journalDir: string;
  readonly journalMaxBytes: number;
}

export function loadConfig(environment: Environment): Config {
  return readConfig(environment, (reader) => {
    const siteFile = reader.string('SITE_FILE');
    const site = siteFile === '' ? NO_SITE : reader.file(() => readSite(siteFile), NO_SITE);
    const listen = reader.address('LISTEN', `0.0.0.0:${site.port}`);
    const colon = listen.lastIndexOf(':');
    return {
      process: readProcessConfig(reader, 'router', {
        // a stream that began last comes to its end
        drainTimeoutMs: site.deadlines.totalMs + DRAIN_MARGIN_MS,
      }),
      host: listen.slice(0, colon).replaceAll(/[[\]]/g, ''),
      port: Number(listen.slice(colon + 1)),
      drainPauseMs: reader.durationMs('DRAIN_PAUSE', DRAIN_PAUSE_MS),
      siteFile,
      site,
      legacyKeyPrefixes: readLegacyKeyPrefixes(reader),
      trustedProxies: readTrustedProxies(reader),
      badKeysPerMinute: reader.integer('BAD_KEYS_PER_MINUTE', { default: 60, min: 1 }),
      brokerAddresses: readAddresses(reader, 'BROKER_ADDR'),
      ledgerAddresses: readAddresses(reader, 'LEDGER_ADDR'),
      serviceToken: reader.secret('SERVICE_TOKEN'),
      tls: readGrpcTls(reader),
      natsUrl: reader.string('NATS_URL'),
      stream: reader.string('USAGE_STREAM', 'USAGE'),
      refusalsStream: reader.string('REFUSALS_STREAM', 'REFUSALS'),
      journalDir: reader.string('JOURNAL_DIR'),
      journalMaxBytes: reader.integer('JOURNAL_MAX_BYTES', { default: 256 * 1024 * 1024, min: 1024 * 1024 }),
    };
  });
}

function readAddresses(reader: ConfigReader, name: string): readonly string[] {
  const addresses = reader.list(name);
  if (addresses.some((address) => !/^[^\s:/]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i.test(address)))
    reader.fault(`${name} must be host:port, or several of them with commas between`);
  return addresses;
}

const DRAIN_MARGIN_MS = 30_000;
/** Within which what is in front of routers asks them whether they are ready, or is told. */
const DRAIN_PAUSE_MS = 3_000;
const MIN_PREFIX_LENGTH = 4;

function readLegacyKeyPrefixes(reader: ConfigReader): readonly string[] {
  const prefixes = reader.list('LEGACY_KEY_PREFIXES', []);
  // a shorter one would have anything looked up
  if (prefixes.some((prefix) => prefix.length < MIN_PREFIX_LENGTH || !/^[\x21-\x7e]+$/.test(prefix)))
    reader.fault(`LEGACY_KEY_PREFIXES must be beginnings of keys, of ${MIN_PREFIX_LENGTH} characters at least`);
  return prefixes;
}

function readTrustedProxies(reader: ConfigReader): readonly string[] {
  const networks = reader.list('TRUSTED_PROXIES', []);
  if (!networks.every(isNetwork))
    reader.fault('TRUSTED_PROXIES must be addresses or networks such as 10.0.0.0/8, comma-separated');
  return networks;
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= (version === 4 ? 32 : 128))
  );
}

/** The stand-in for a faulty file is never used: its faults end the start. */
const NO_SITE: Site = {
  name: '',
  provider: '',
  port: 0,
  models: [],
  deadlines: {
    connectMs: 0,
    headersMs: 0,
    headersNotStreamingMs: 0,
    firstTokenMs: 0,
    idleMs: 0,
    totalMs: 0,
    totalNotStreamingMs: 0,
  },
  heartbeatMs: 0,
  retry: RETRY_DEFAULTS,
  onClientGone: { policy: 'cancel', maxMs: 0, maxBytes: 0 },
  maxBodyBytes: 0,
  maxOpenStreams: 0,
  userAgent: undefined,
  addHeaders: {},
  proxies: 'required',
  corsOrigins: [],
};
