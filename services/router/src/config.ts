import { readConfig, readSiteFile, type ConfigReader, type Environment, type Secret, type SiteFile } from '@omg/config';
import { readGrpcTls, type GrpcTls } from '@omg/grpc';
import { readProcessConfig, type ProcessConfig } from '@omg/service';
import type { Site } from './domain/site.ts';

export interface Config {
  readonly process: ProcessConfig;
  readonly host: string;
  readonly port: number;
  readonly site: Site;
  /** `host:port` of key-broker; several where no name stands for all of its replicas. */
  readonly brokerAddresses: readonly string[];
  readonly ledgerAddress: string;
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
    const file =
      siteFile === '' ? undefined : reader.file<SiteFile | undefined>(() => readSiteFile(siteFile), undefined);
    const listen = reader.address('LISTEN', `0.0.0.0:${file?.port ?? 0}`);
    const colon = listen.lastIndexOf(':');
    return {
      process: readProcessConfig(reader, 'router'),
      host: listen.slice(0, colon).replaceAll(/[[\]]/g, ''),
      port: Number(listen.slice(colon + 1)),
      site: toSite(file),
      brokerAddresses: readBrokerAddresses(reader),
      ledgerAddress: reader.address('LEDGER_ADDR'),
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

function readBrokerAddresses(reader: ConfigReader): readonly string[] {
  const addresses = reader.list('BROKER_ADDR');
  if (addresses.some((address) => !/^[^\s:/]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i.test(address)))
    reader.fault('BROKER_ADDR must be host:port, or several of them with commas between');
  return addresses;
}

/** The stand-in for a faulty file is never used: its faults end the start. */
function toSite(file: SiteFile | undefined): Site {
  if (file === undefined) {
    const none = {
      connectMs: 0,
      headersMs: 0,
      headersNotStreamingMs: 0,
      idleMs: 0,
      totalMs: 0,
      totalNotStreamingMs: 0,
    };
    return { name: '', provider: '', models: [], deadlines: none, maxBodyBytes: 0 };
  }
  const { site: name, provider, models, deadlines, maxBodyBytes } = file;
  return { name, provider, models, deadlines, maxBodyBytes };
}
