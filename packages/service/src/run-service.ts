import { createLogger, scrubText, type Logger } from '@omg/telemetry';
import { within } from './bounded-stack.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { pause } from './repeat.ts';
import type { ServiceProcess } from './start-process.ts';

/** A service that runs. */
export interface Service {
  readonly process: ServiceProcess;
  /** All that was started, the process' own parts among it. */
  readonly resources: AsyncDisposable;
  /** Lets the work that runs come to its end; the signal is aborted when the time for it is over. */
  readonly drain?: (signal: AbortSignal) => Promise<void>;
}

export interface RunServiceOptions {
  readonly name: string;
  /** For what happens before the service has a logger of its own. */
  readonly logger?: Logger;
  /** How long putting everything away may take, after the drain. */
  readonly disposeTimeoutMs?: number;
}

const FLUSH_TIMEOUT_MS = 1_000;

type StopSignal = 'SIGTERM' | 'SIGINT';
type End = StopSignal | 'crash';

/**
 * The life of a process: starts the service, waits for SIGTERM or SIGINT or an error that nobody caught, drains, puts
 * everything away, exits. A second signal exits at once. `EXIT_CODES` says with what.
 */
export async function runService(
  start: (signal: AbortSignal) => Promise<Service>,
  options: RunServiceOptions,
): Promise<void> {
  const { name, disposeTimeoutMs = 10_000 } = options;
  const stopping = new AbortController();
  const ended = Promise.withResolvers<End>();
  let crashed = false;
  let logger = options.logger;
  const log = (): Logger => (logger ??= createLogger({ service: name, instance: name, level: 'info' }));

  const onSignal = (signal: StopSignal): void => {
    if (stopping.signal.aborted) process.exit(signal === 'SIGINT' ? EXIT_CODES.secondSigint : EXIT_CODES.secondSigterm);
    stopping.abort();
    ended.resolve(signal);
  };
  const onCrash = (error: unknown): void => {
    // what goes wrong after it follows from it
    if (crashed) return;
    crashed = true;
    log().fatal({ err: error }, 'an error that nobody caught');
    ended.resolve('crash');
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  process.on('uncaughtException', onCrash).on('unhandledRejection', onCrash);

  let service: Service | undefined;
  try {
    const hung = ended.promise.then(async () => await pause(disposeTimeoutMs, new AbortController().signal));
    service = (await Promise.race([start(stopping.signal), hung])) ?? undefined;
  } catch (error) {
    // a start that was called off and therefore fails has done what was asked
    if (stopping.signal.aborted && !crashed) process.exit(EXIT_CODES.stopped);
    if (!crashed) reportFailedStart(name, error, log);
  }
  if (service === undefined) process.exit(EXIT_CODES.failed);

  const { readiness, telemetry, drainTimeoutMs } = service.process;
  logger = telemetry.logger;
  if (!stopping.signal.aborted && !crashed) logger.info('ready');
  const end = await ended.promise;

  readiness.drain();
  logger.info({ signal: end }, 'stopping');
  if (end !== 'crash') await drain(service, drainTimeoutMs);
  try {
    await within(disposeTimeoutMs, async () => {
      await service.resources[Symbol.asyncDispose]();
    });
  } catch (error) {
    crashed = true;
    logger.error({ err: error }, 'not everything could be put away');
  }
  logger.info('stopped');
  // at the exit itself, what waits would overtake what is being written
  await flush(logger).catch(() => undefined);
  process.exit(crashed ? EXIT_CODES.failed : EXIT_CODES.stopped);
}

async function flush(logger: Logger): Promise<void> {
  await within(FLUSH_TIMEOUT_MS, async () => {
    await new Promise((resolve) => {
      logger.flush(resolve);
    });
  });
}

async function drain({ drain: drainWork, process: { telemetry } }: Service, timeoutMs: number): Promise<void> {
  if (drainWork === undefined) return;
  try {
    await within(timeoutMs, async () => {
      await drainWork(AbortSignal.timeout(timeoutMs));
    });
  } catch (error) {
    telemetry.logger.warn({ err: error }, 'work that ran is cut off');
  }
}

/** For people: what to put right, on standard error, a line for each fault. */
function reportFailedStart(name: string, error: unknown, log: () => Logger): void {
  const faults = faultsOf(error);
  for (const fault of faults ?? [messagesOf(error)]) process.stderr.write(`${name}: ${scrubText(fault)}\n`);
  if (faults === undefined) log().fatal({ err: error }, 'the start failed');
}

function faultsOf(error: unknown): readonly string[] | undefined {
  return error instanceof Error && 'faults' in error && Array.isArray(error.faults)
    ? error.faults.map(String)
    : undefined;
}

function messagesOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : messagesOf(error.cause);
  return cause === '' || error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}
