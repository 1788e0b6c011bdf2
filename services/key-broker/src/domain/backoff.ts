import type { Backoff, KeyStateConfig } from './key-state-config.ts';

/** @param jitter 0 up to, not including, 1 */
export interface Jitter {
  readonly jitter: number;
  readonly config: Pick<KeyStateConfig, 'jitterShare'>;
}

/** How long to wait after so many times in a row before this one; never more than the maximum. */
export function backoffMs({ firstMs, maxMs }: Backoff, before: number, { jitter, config }: Jitter): number {
  return Math.round(Math.min(maxMs, firstMs * 2 ** before) * (1 - config.jitterShare * jitter));
}

/** How long to wait when the upstream has said so: never less, and not all at the same moment. */
export function retryAfterWithJitterMs(retryAfterMs: number, { jitter, config }: Jitter): number {
  return Math.round(retryAfterMs * (1 + config.jitterShare * jitter));
}
