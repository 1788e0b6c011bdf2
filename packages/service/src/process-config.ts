import { hostname } from 'node:os';
import type { LogLevel } from '@omg/telemetry';

/** What every service is told in the same words. */
export interface ProcessConfig {
  readonly name: string;
  readonly environment: 'dev' | 'prod';
  /** Tells replicas apart in logs, metrics and traces. */
  readonly instance: string;
  readonly logLevel: LogLevel;
  /** `host:port` of the operations listener. */
  readonly opsListen: string;
  readonly otlpEndpoint: string | undefined;
  readonly commit: string | undefined;
  /** How long work that runs may take to end after the signal to stop. */
  readonly drainTimeoutMs: number;
}

/** The part of a configuration reader that is needed here. */
export interface ProcessConfigReader {
  string(name: string, fallback: string): string;
  optionalString(name: string): string | undefined;
  optionalUrl(name: string, protocols: readonly string[]): string | undefined;
  address(name: string, fallback: string): string;
  durationMs(name: string, fallback: number): number;
  oneOf<const T extends string>(name: string, allowed: readonly [T, ...T[]], fallback: T): T;
}

/** Reads OMG_ENV, INSTANCE, LOG_LEVEL, OPS_LISTEN, OTEL_EXPORTER_OTLP_ENDPOINT, GIT_COMMIT and DRAIN_TIMEOUT. */
export function readProcessConfig(
  reader: ProcessConfigReader,
  name: string,
  defaults: { readonly drainTimeoutMs: number } = { drainTimeoutMs: 30_000 },
): ProcessConfig {
  return {
    name,
    environment: reader.oneOf('OMG_ENV', ['prod', 'dev'], 'prod'),
    instance: reader.string('INSTANCE', `${name}-${hostname()}`),
    logLevel: reader.oneOf('LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info'),
    opsListen: reader.address('OPS_LISTEN', '0.0.0.0:9090'),
    otlpEndpoint: reader.optionalUrl('OTEL_EXPORTER_OTLP_ENDPOINT', ['http', 'https']),
    commit: reader.optionalString('GIT_COMMIT'),
    drainTimeoutMs: reader.durationMs('DRAIN_TIMEOUT', defaults.drainTimeoutMs),
  };
}
