import {
  Client,
  Metadata,
  type CallOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import type { Secret } from '@omg/config';
import { OmgError } from '@omg/errors';
import type { Telemetry } from '@omg/telemetry';
import { traceParentOf, withSpan } from '@omg/telemetry/tracing';
import type {
  DuplexMethod,
  MethodShape,
  RequestOf,
  ResponseOf,
  ServerStreamMethod,
  ServiceShape,
  UnaryMethod,
} from './service-types.ts';
import { fromServiceError } from './status.ts';
import { channelCredentials, type GrpcTls } from './tls.ts';

export interface GrpcClientOptions {
  /** `host:port`. */
  readonly address: string;
  readonly token: Secret;
  /** Of a call that names no deadline of its own; streams have none. */
  readonly deadlineMs: number;
  readonly telemetry: Pick<Telemetry, 'tracer'>;
  readonly tls?: GrpcTls | undefined;
}

export interface UnaryOptions {
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
}

export interface DuplexCall<Req, Res> {
  /** Messages until the server ends the stream; throws the server's error, or `unavailable` when it is lost. */
  readonly responses: AsyncIterable<Res>;
  send: (request: Req) => void;
}

type ClientMethod<M extends MethodShape> = M extends UnaryMethod
  ? (request: RequestOf<M>, options?: UnaryOptions) => Promise<ResponseOf<M>>
  : M extends ServerStreamMethod
    ? (request: RequestOf<M>, signal: AbortSignal, deadlineMs?: number) => AsyncIterable<ResponseOf<M>>
    : M extends DuplexMethod
      ? (signal: AbortSignal) => DuplexCall<RequestOf<M>, ResponseOf<M>>
      : never;

export type GrpcClient<S extends ServiceShape> = { readonly [K in keyof S]: ClientMethod<S[K]> } & Disposable;

/** A client of a generated service: promises, a deadline on every call, typed errors, one connection. */
export function createGrpcClient<S extends ServiceShape>(definition: S, options: GrpcClientOptions): GrpcClient<S> {
  const channel = new Client(options.address, channelCredentials(options.tls), {
    // a service that was restarted is found again at once, not after grpc-js' two minutes
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.max_receive_message_length': 16 * 1024 * 1024,
  });
  const methods = Object.entries(definition).map(([name, method]) => [
    name,
    method.requestStream
      ? makeDuplex(channel, method, options)
      : method.responseStream
        ? makeServerStream(channel, method, options)
        : makeUnary(channel, method, options),
  ]);
  const client: unknown = {
    ...Object.fromEntries(methods),
    [Symbol.dispose]: () => {
      channel.close();
    },
  };
  // every method of the definition was made above, by its own shape
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return client as GrpcClient<S>;
}

function makeUnary(channel: Client, method: MethodShape, options: GrpcClientOptions) {
  return async (request: never, { signal, deadlineMs = options.deadlineMs }: UnaryOptions = {}): Promise<unknown> =>
    await withSpan(options.telemetry.tracer, method.path, { kind: 'client' }, async () => {
      if (signal?.aborted === true) throw cancelled(method);
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const call = channel.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(options),
        callOptions(deadlineMs),
        (error: ServiceError | null, response?: unknown) => {
          if (error === null) resolve(response);
          else reject(signal?.aborted === true ? cancelled(method) : fromServiceError(error, method.path));
        },
      );
      const abort = (): void => {
        call.cancel();
      };
      signal?.addEventListener('abort', abort, { once: true });
      try {
        return await promise;
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    });
}

function makeServerStream(channel: Client, method: MethodShape, options: GrpcClientOptions) {
  // some last as long as whoever asks
  return (request: never, signal: AbortSignal, deadlineMs?: number): AsyncIterable<unknown> => {
    const call = channel.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataOf(options),
      deadlineMs === undefined ? {} : callOptions(deadlineMs),
    );
    return responsesOf(endingWith(call, signal), method);
  };
}

function makeDuplex(channel: Client, method: MethodShape, options: GrpcClientOptions) {
  return (signal: AbortSignal): DuplexCall<never, unknown> => {
    const call = channel.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadataOf(options),
      {},
    );
    return {
      send: (request) => {
        call.write(request);
      },
      responses: responsesOf(endingWith(call, signal), method),
    };
  };
}

function endingWith<Call extends ClientReadableStream<unknown> | ClientDuplexStream<never, unknown>>(
  call: Call,
  signal: AbortSignal,
): Call {
  // without a listener an error between two reads would end the process; whoever reads is told of it
  call.on('error', () => undefined);
  signal.addEventListener(
    'abort',
    () => {
      call.cancel();
    },
    { once: true },
  );
  if (signal.aborted) call.cancel();
  return call;
}

async function* responsesOf(call: AsyncIterable<unknown>, method: MethodShape): AsyncIterable<unknown> {
  try {
    for await (const response of call) yield response;
  } catch (error) {
    throw isServiceError(error) ? fromServiceError(error, method.path) : error;
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}

function cancelled(method: MethodShape): OmgError {
  return new OmgError('cancelled', `${method.path}: cancelled by the caller`);
}

function metadataOf(options: GrpcClientOptions): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${options.token.reveal()}`);
  const traceParent = traceParentOf();
  if (traceParent !== undefined) metadata.set('traceparent', traceParent);
  return metadata;
}

function callOptions(deadlineMs: number): CallOptions {
  return { deadline: Date.now() + deadlineMs };
}
