import type { GatewayErrorKind } from '@omg/llm-wire';

/** What is wrong with a request, for its client to read. */
export interface DialectError {
  readonly kind: GatewayErrorKind;
  /** Goes to the client, and says what to change. */
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
  /** Beside those that every error has. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A request that is refused before anything is done with it. */
export class Refusal extends Error implements DialectError {
  override readonly name = 'Refusal';
  readonly kind: GatewayErrorKind;
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor({ kind, message, headers }: DialectError) {
    super(message);
    this.kind = kind;
    this.headers = headers;
  }
}
