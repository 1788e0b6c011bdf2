import type {
  DuplexMethod,
  MethodShape,
  RequestOf,
  ResponseOf,
  ServerStreamMethod,
  ServiceShape,
  UnaryMethod,
} from './service-types.ts';

/** What a handler knows of its call. */
export interface CallContext {
  /** Ends with the call: its deadline, its cancellation, a lost connection, the server's stop. */
  readonly signal: AbortSignal;
  /** The service that calls, by its token. */
  readonly caller: string;
}

export type Handler<M extends MethodShape> = M extends UnaryMethod
  ? (request: RequestOf<M>, context: CallContext) => Promise<ResponseOf<M>>
  : M extends ServerStreamMethod
    ? (request: RequestOf<M>, context: CallContext) => AsyncIterable<ResponseOf<M>>
    : M extends DuplexMethod
      ? (requests: AsyncIterable<RequestOf<M>>, context: CallContext) => AsyncIterable<ResponseOf<M>>
      : never;

export type Handlers<S extends ServiceShape> = { readonly [K in keyof S]: Handler<S[K]> };

/** A service with its handlers, ready to be served. */
export interface BoundService {
  readonly definition: ServiceShape;
  readonly handlers: Readonly<Record<string, unknown>>;
}

/** Binds promise handlers (async generators for streams) to a generated service. */
export function bindService<S extends ServiceShape>(definition: S, handlers: Handlers<S>): BoundService {
  return { definition, handlers };
}
