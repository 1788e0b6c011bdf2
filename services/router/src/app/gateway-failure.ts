import type { GatewayErrorKind } from '@omg/llm-wire';

/** A request that the gateway itself refuses or gives up; the message is for the client. */
export class GatewayFailure extends Error {
  override readonly name = 'GatewayFailure';
  readonly kind: GatewayErrorKind;
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: GatewayErrorKind,
    message: string,
    options: { readonly retryAfterMs?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}
