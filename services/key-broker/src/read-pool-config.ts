import type { ConfigReader } from '@omg/config';
import { AFFINITY_DEFAULTS } from './domain/affinity-table.ts';
import { ATTRIBUTION_DEFAULTS } from './domain/attribution-config.ts';
import { KEY_STATE_DEFAULTS } from './domain/key-state-config.ts';
import type { PoolConfig } from './domain/pool/pool-types.ts';
import { PROXY_HEALTH_DEFAULTS } from './domain/proxy-health.ts';
import { DEFAULT_SLOTS } from './domain/key-slots.ts';

/** Every number of the pools; the defaults are those of the domain. */
export function readPoolConfig(reader: ConfigReader, isProduction: boolean): PoolConfig {
  const key = KEY_STATE_DEFAULTS;
  const attribution = ATTRIBUTION_DEFAULTS;
  const proxy = PROXY_HEALTH_DEFAULTS;
  return {
    ttlMs: reader.durationMs('LEASE_TTL', 15_000),
    waitMs: reader.durationMs('LEASE_WAIT', 250),
    defaultSlots: reader.integer('KEY_SLOTS', { default: DEFAULT_SLOTS, min: 1 }),
    allowDirect: reader.boolean('ALLOW_DIRECT', !isProduction),
    floorKeys: reader.integer('POOL_FLOOR', { default: attribution.floorKeys, min: 0 }),
    lowBackups: reader.integer('LOW_BACKUP_KEYS', { default: 1, min: 0 }),
    keyState: {
      ...key,
      rateLimit: {
        firstMs: reader.durationMs('RATE_LIMIT_COOLDOWN', key.rateLimit.firstMs),
        maxMs: reader.durationMs('RATE_LIMIT_COOLDOWN_MAX', key.rateLimit.maxMs),
      },
      maxRetryAfterMs: reader.durationMs('RETRY_AFTER_MAX', key.maxRetryAfterMs),
      exhaustedMs: reader.durationMs('EXHAUSTED_COOLDOWN', key.exhaustedMs),
      failoverMs: reader.durationMs('FAILOVER_TIME', key.failoverMs),
      failuresToError: reader.integer('FAILURES_TO_ERROR', { default: key.failuresToError, min: 1 }),
      error: {
        firstMs: reader.durationMs('ERROR_COOLDOWN', key.error.firstMs),
        maxMs: reader.durationMs('ERROR_COOLDOWN_MAX', key.error.maxMs),
      },
      modelDeniedMs: reader.durationMs('MODEL_DENIED_TIME', key.modelDeniedMs),
      probeTtlMs: reader.durationMs('PROBE_TTL', key.probeTtlMs),
    },
    attribution: {
      ...attribution,
      windowMs: reader.durationMs('ATTRIBUTION_WINDOW', attribution.windowMs),
      minKeys: {
        rate_limited: keysAlike(reader, 'RATE_LIMITED', attribution.minKeys.rate_limited),
        failing: keysAlike(reader, 'FAILING', attribution.minKeys.failing),
        refused: keysAlike(reader, 'REFUSED', attribution.minKeys.refused),
        ban: keysAlike(reader, 'BAN', attribution.minKeys.ban),
        auth: keysAlike(reader, 'AUTH', attribution.minKeys.auth),
        quota: keysAlike(reader, 'QUOTA', attribution.minKeys.quota),
      },
      floorKeys: reader.integer('ATTRIBUTION_FLOOR', { default: attribution.floorKeys, min: 0 }),
      hold: {
        firstMs: reader.durationMs('HOLD_TIME', attribution.hold.firstMs),
        maxMs: reader.durationMs('HOLD_TIME_MAX', attribution.hold.maxMs),
      },
    },
    affinity: { ...AFFINITY_DEFAULTS, stickyMs: reader.durationMs('AFFINITY_TIME', AFFINITY_DEFAULTS.stickyMs) },
    proxyHealth: {
      recheckMs: reader.durationMs('PROXY_RECHECK_INTERVAL', proxy.recheckMs),
      checkEveryMs: reader.durationMs('PROXY_CHECK_INTERVAL', proxy.checkEveryMs),
      window: reader.integer('PROXY_CHECK_WINDOW', { default: proxy.window, min: 1 }),
      maxFailures: reader.integer('PROXY_CHECK_FAILURES', { default: proxy.maxFailures, min: 1 }),
      cooldownMs: reader.durationMs('PROXY_COOLDOWN', proxy.cooldownMs),
    },
  };
}

/** 0 means never: each key is believed by itself. */
function keysAlike(reader: ConfigReader, name: string, fallback: number): number {
  const keys = reader.integer(`KEYS_ALIKE_${name}`, { default: fallback, min: 0 });
  return keys === 0 ? Infinity : keys;
}
