import type {
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  UntypedHandleCall,
} from '@grpc/grpc-js';
import { OmgError, toOmgError } from '@omg/errors';
import type { Telemetry } from '@omg/telemetry';
import { contextFromTraceParent, withSpan } from '@omg/telemetry/tracing';
import type { Authenticate } from './service-tokens.ts';
import type { CallContext } from './service.ts';
import type { MethodShape } from './service-types.ts';
import { toStatus } from './status.ts';

type UnaryHandler = (request: unknown, context: CallContext) => Promise<unknown>;
type ServerStreamHandler = (request: unknown, context: CallContext) => AsyncIterable<unknown>;
type DuplexHandler = (requests: AsyncIterable<unknown>, context: CallContext) => AsyncIterable<unknown>;
type StreamCall = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;
type AnyCall = ServerUnaryCall<unknown, unknown> | StreamCall;

export interface FunnelOptions {
  readonly telemetry: Telemetry;
  readonly authenticate: Authenticate;
  /** Aborted when the server stops: long streams end then. */
  readonly stopping: AbortSignal;
}

export type Funnel = (method: MethodShape, handler: unknown) => UntypedHandleCall;

/** The one way from grpc-js into a handler: who calls, the span, the signal, and what becomes of errors. */
export function makeFunnel(options: FunnelOptions): Funnel {
  const { telemetry, authenticate, stopping } = options;
  const duration = telemetry.meter.createHistogram('omg_grpc_server_duration_seconds', {
    description: 'How long calls took, streams until their end',
    advice: { explicitBucketBoundaries: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10] },
  });

  async function enter(
    method: MethodShape,
    call: AnyCall,
    signal: AbortSignal,
    run: (context: CallContext) => Promise<void>,
  ): Promise<OmgError | undefined> {
    const startedMs = performance.now();
    const error = await attempt(async () => {
      const caller = authenticate(call.metadata);
      const parent = contextFromTraceParent(String(call.metadata.get('traceparent')[0] ?? ''));
      await withSpan(telemetry.tracer, method.path, { kind: 'server', parent }, async () => {
        await run({ signal, caller });
      });
    });
    duration.record((performance.now() - startedMs) / 1_000, { method: method.path, code: error?.code ?? 'ok' });
    if (error?.code === 'internal') telemetry.logger.error({ err: error, method: method.path }, 'call failed');
    return error;
  }

  function unary(method: MethodShape, handler: UnaryHandler): handleUnaryCall<unknown, unknown> {
    return (call, callback) => {
      const cancelled = new AbortController();
      call.on('cancelled', () => {
        cancelled.abort(new OmgError('cancelled', 'the caller went away'));
      });
      let response: unknown;
      void enter(method, call, cancelled.signal, async (context) => {
        response = await handler(call.request, context);
      }).then((error) => {
        if (error === undefined) callback(null, response);
        else callback(toStatus(error));
      });
    };
  }

  function serverStream(
    method: MethodShape,
    handler: ServerStreamHandler,
  ): handleServerStreamingCall<unknown, unknown> {
    return (call) => {
      answer(method, call, (context) => handler(call.request, context));
    };
  }

  function duplex(method: MethodShape, handler: DuplexHandler): handleBidiStreamingCall<unknown, unknown> {
    return (call) => {
      answer(method, call, (context) => handler(requestsOf(call), context));
    };
  }

  function answer(
    method: MethodShape,
    call: StreamCall,
    responsesTo: (context: CallContext) => AsyncIterable<unknown>,
  ): void {
    const cancelled = new AbortController();
    call.on('cancelled', () => {
      cancelled.abort(new OmgError('cancelled', 'the caller went away'));
    });
    const signal = AbortSignal.any([cancelled.signal, stopping]);
    void enter(method, call, signal, async (context) => {
      for await (const response of responsesTo(context)) await write(call, response, signal);
    }).then((error) => {
      if (error === undefined) call.end();
      // the way grpc-js documents; destroying the call would leave the client waiting
      else call.emit('error', toStatus(error));
    });
  }

  // the shape of the method says which of them its handler is; bindService checked that they fit
  /* oxlint-disable typescript/no-unsafe-type-assertion */
  return (method, handler) => {
    if (method.requestStream) return duplex(method, handler as DuplexHandler);
    if (method.responseStream) return serverStream(method, handler as ServerStreamHandler);
    return unary(method, handler as UnaryHandler);
  };
  /* oxlint-enable typescript/no-unsafe-type-assertion */
}

async function attempt(run: () => Promise<void>): Promise<OmgError | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return toOmgError(error);
  }
}

/** What the caller sends, until it ends or goes away; going away is the signal's to tell, not an error here. */
async function* requestsOf(call: ServerDuplexStream<unknown, unknown>): AsyncIterable<unknown> {
  try {
    // a handler that stops reading must not end the call, which iterating would do by default
    for await (const request of call.iterator({ destroyOnReturn: false })) yield request;
  } catch (error) {
    if (!call.cancelled) throw error;
  }
}

async function write(call: StreamCall, message: unknown, signal: AbortSignal): Promise<void> {
  if (call.write(message) || signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    resolve();
  };
  call.once('drain', done);
  signal.addEventListener('abort', done, { once: true });
  await promise;
  call.off('drain', done);
  signal.removeEventListener('abort', done);
}
