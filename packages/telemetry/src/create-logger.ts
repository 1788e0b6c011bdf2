import { trace } from '@opentelemetry/api';
import { destination, pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { toSafeArgument, toSafeLine } from './safe-line.ts';
import { toPlain } from './to-plain.ts';

export type { Logger };
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
/** A file's path, a file descriptor, or whatever takes finished lines. */
export type LogDestination = string | number | DestinationStream;

export interface LoggerOptions {
  readonly service: string;
  readonly instance: string;
  readonly level: LogLevel;
  /** Default: standard output. */
  readonly destination?: LogDestination | undefined;
}

/** Lines that wait for a reader who does not read; what comes on top is dropped, the process goes on. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** JSON lines with time, level, service, instance and the active span's ids; no secret gets into one. */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: { service: options.service, instance: options.instance },
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, toPlain(value)])),
      },
      // children's bindings do not pass through formatters.log
      serializers: { err: toPlain },
      mixin: spanIds,
      hooks: {
        streamWrite: toSafeLine,
        logMethod(args, method) {
          const [first, ...rest] = args;
          Reflect.apply(method, this, [first, ...rest.map(toSafeArgument)]);
        },
      },
    },
    openDestination(options.destination ?? 1),
  );
}

function openDestination(target: LogDestination): DestinationStream {
  if (typeof target === 'object') return target;
  // not sync: a slow reader must not stop the process; with a minLength of 0 `flush` would wait for nothing
  return destination({ dest: target, sync: false, minLength: 1, maxLength: MAX_WAITING_BYTES });
}

function spanIds(): object {
  const span = trace.getActiveSpan()?.spanContext();
  if (span === undefined || !trace.isSpanContextValid(span)) return {};
  return { trace_id: span.traceId, span_id: span.spanId };
}
