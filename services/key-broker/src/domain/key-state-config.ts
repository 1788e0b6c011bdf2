const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export interface Backoff {
  readonly firstMs: number;
  /** It doubles until here. */
  readonly maxMs: number;
}

/** Every number of the key states. */
export interface KeyStateConfig {
  /** Of a 429 that names no time. */
  readonly rateLimit: Backoff;
  /** No upstream is believed to mean more than this by `Retry-After`. */
  readonly maxRetryAfterMs: number;
  readonly exhaustedMs: number;
  /** How long a key stays at the backup endpoint before it probes the primary one. */
  readonly failoverMs: number;
  /** Failed generations in a row that make an `error`. */
  readonly failuresToError: number;
  readonly error: Backoff;
  readonly modelDeniedMs: number;
  readonly maxDeniedModels: number;
  /** Connect + first byte + a margin. */
  readonly probeTtlMs: number;
  /** After a probe that told nothing. */
  readonly probe: Backoff;
  /** How much of a backoff the jitter may take away, or add to a `Retry-After`. */
  readonly jitterShare: number;
}

export const KEY_STATE_DEFAULTS: KeyStateConfig = {
  rateLimit: { firstMs: 2 * SECOND, maxMs: MINUTE },
  maxRetryAfterMs: HOUR,
  exhaustedMs: 24 * HOUR,
  failoverMs: 24 * HOUR,
  failuresToError: 3,
  error: { firstMs: 30 * SECOND, maxMs: 5 * MINUTE },
  modelDeniedMs: HOUR,
  maxDeniedModels: 256,
  probeTtlMs: 75 * SECOND,
  probe: { firstMs: 2 * SECOND, maxMs: MINUTE },
  jitterShare: 0.2,
};
