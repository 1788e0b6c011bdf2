import type { OutcomeCause } from './key-event.ts';
import type { Backoff } from './key-state-config.ts';

/** Failures of different keys that may have one reason. */
export type AlikeClass = 'rate_limited' | 'failing' | 'refused' | 'ban' | 'auth' | 'quota';

export interface AttributionConfig {
  /** Failures further apart are no longer one incident. */
  readonly windowMs: number;
  /** Of so many keys failing alike: it is not the keys. Infinity: never. */
  readonly minKeys: Readonly<Record<AlikeClass, number>>;
  /** ... if they are at least this share of the keys that have said anything since the first of them failed. */
  readonly minShare: number;
  /** Usable keys below which two that fail alike are enough, for causes that say nothing about a key itself. */
  readonly floorKeys: number;
  /** Until the first probe of what is held, and between probes. */
  readonly hold: Backoff;
  readonly maxRetryAfterMs: number;
  readonly probeTtlMs: number;
}

export const ATTRIBUTION_DEFAULTS: AttributionConfig = {
  windowMs: 30_000,
  // an upstream that names the key as the reason is believed for longer
  minKeys: { rate_limited: 3, failing: 3, refused: 3, ban: 3, auth: 4, quota: 5 },
  minShare: 0.5,
  floorKeys: 2,
  hold: { firstMs: 2_000, maxMs: 60_000 },
  maxRetryAfterMs: 3_600_000,
  probeTtlMs: 75_000,
};

/** The floor counts for these: they say nothing about the key itself. */
export const CIRCUMSTANTIAL: ReadonlySet<AlikeClass> = new Set(['rate_limited', 'failing', 'refused']);

export const alikeClasses: Readonly<Partial<Record<OutcomeCause, AlikeClass>>> = {
  rate_limited: 'rate_limited',
  upstream_error: 'failing',
  connection: 'failing',
  timeout: 'failing',
  unattributed_403: 'refused',
  ban: 'ban',
  auth: 'auth',
  quota: 'quota',
};
