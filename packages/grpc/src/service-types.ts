import type { MethodDefinition } from '@grpc/grpc-js';

/** What ts-proto generates of a service: its methods by name. */
export type ServiceShape = Readonly<Record<string, MethodShape>>;

// `never` and `unknown` make every generated method assignable, whatever its messages are
export interface MethodShape {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: never) => Buffer;
  readonly requestDeserialize: (value: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Buffer;
  readonly responseDeserialize: (value: Buffer) => unknown;
}

export type RequestOf<M extends MethodShape> = ReturnType<M['requestDeserialize']>;
export type ResponseOf<M extends MethodShape> = ReturnType<M['responseDeserialize']>;

/** The methods of a service that are not streams in any direction. */
export type UnaryMethod = { readonly requestStream: false; readonly responseStream: false };
/** The methods of which only the answer is a stream. */
export type ServerStreamMethod = { readonly requestStream: false; readonly responseStream: true };
/** The methods that are streams in both directions. */
export type DuplexMethod = { readonly requestStream: true; readonly responseStream: true };

/** grpc-js' own view of a method. */
export type AnyMethodDefinition = MethodDefinition<unknown, unknown>;
