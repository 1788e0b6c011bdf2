import { errorAnswer, type Dialect, type ErrorAnswer, type GatewayErrorKind } from '@omg/llm-wire';
import { GatewayFailure } from '../app/gateway-failure.ts';

/** What a client is told of an error that ended its request; of a fault of the gateway's own only that there was one. */
export function failureAnswer(
  error: unknown,
  { dialect, requestId }: { readonly dialect: Dialect; readonly requestId: string },
): ErrorAnswer & { readonly kind: GatewayErrorKind } {
  const failure = error instanceof GatewayFailure ? error : undefined;
  const { kind, retryAfterMs } = failure ?? { kind: 'internal', retryAfterMs: undefined };
  const answer = errorAnswer(dialect, kind, {
    message: failure?.message ?? 'the gateway failed',
    requestId,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
  return { ...answer, kind };
}
