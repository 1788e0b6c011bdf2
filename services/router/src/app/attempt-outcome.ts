import type { AttemptFailure } from './attempt-failure.ts';
import type { Tokens, UsageSource } from './ports.ts';

/** What came of forwarding a request, as the books will tell it. */
export interface AttemptOutcome {
  /** What the client saw; 499 when it left first. */
  readonly clientStatus: number;
  /** 0 when the upstream did not answer. */
  readonly upstreamStatus: number;
  readonly success: boolean;
  /** Why the attempt failed; empty when it did not. */
  readonly cause: string;
  readonly finishReason: string;
  /** Why the request ended early; empty when it did not. */
  readonly abortReason: string;
  readonly tokens: Tokens;
  readonly usageSource: UsageSource;
  readonly firstTokenMs: number | undefined;
  readonly providerRequestId: string;
  /** Events of a stream that nobody could read; they passed all the same. */
  readonly unreadEvents?: number;
}

/** One attempt: either the request has its outcome by it, or the client has seen nothing and another may follow. */
export type AttemptEnd = { readonly outcome: AttemptOutcome } | { readonly failure: AttemptFailure };

export const NO_TOKENS: Tokens = { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };

/** An attempt that delivered nothing, so that nothing is charged for it. */
export function nothingDelivered(
  outcome: Pick<AttemptOutcome, 'clientStatus' | 'upstreamStatus' | 'cause'> & Partial<AttemptOutcome>,
): AttemptOutcome {
  return {
    success: false,
    finishReason: '',
    abortReason: '',
    tokens: NO_TOKENS,
    usageSource: 'none',
    firstTokenMs: undefined,
    providerRequestId: '',
    ...outcome,
  };
}

/** The client left before it had anything. */
export function clientGone(seen: { readonly status: number; readonly providerRequestId: string }): AttemptOutcome {
  return nothingDelivered({
    clientStatus: 499,
    upstreamStatus: seen.status,
    cause: '',
    abortReason: 'client_gone',
    providerRequestId: seen.providerRequestId,
  });
}
