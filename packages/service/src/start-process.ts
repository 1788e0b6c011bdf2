import { startTelemetry, type LogDestination, type Telemetry } from '@omg/telemetry';
import { BoundedStack } from './bounded-stack.ts';
import { startOpsListener } from './ops-listener.ts';
import type { ProcessConfig } from './process-config.ts';
import { readVersion } from './read-version.ts';
import { Readiness } from './readiness.ts';

export interface ProcessOverrides {
  readonly logDestination?: LogDestination;
}

/** What every service has beside its own work. */
export interface ServiceProcess extends AsyncDisposable {
  readonly telemetry: Telemetry;
  readonly readiness: Readiness;
  readonly opsPort: number;
  readonly drainTimeoutMs: number;
}

/** Starts telemetry and the operations listener; the process is not ready until `readiness.serve()`. */
export async function startProcess(config: ProcessConfig, overrides: ProcessOverrides = {}): Promise<ServiceProcess> {
  await using stack = new BoundedStack();
  // the packages of this repository are released together: one version is everyone's
  const version = readVersion(new URL('../package.json', import.meta.url));
  const telemetry = stack.use(
    startTelemetry({
      service: config.name,
      version,
      instance: config.instance,
      commit: config.commit,
      otlpEndpoint: config.otlpEndpoint,
      logLevel: config.logLevel,
      logDestination: overrides.logDestination,
    }),
  );
  const readiness = new Readiness(telemetry.logger);
  const ops = stack.use(
    await startOpsListener({
      ...parseAddress(config.opsListen),
      telemetry,
      readiness,
      version: { name: config.name, version, commit: config.commit },
    }),
  );
  const resources = stack.move();
  return {
    telemetry,
    readiness,
    opsPort: ops.port,
    drainTimeoutMs: config.drainTimeoutMs,
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replaceAll(/[[\]]/g, ''), port: Number(address.slice(colon + 1)) };
}
