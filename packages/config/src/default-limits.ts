import type { ConfigReader } from './read-config.ts';

/** Limits of one scope on one site. */
export interface Limits {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  readonly parallel: number;
}

export interface Budget {
  readonly nanoUsd: bigint;
  readonly period: 'day' | 'week' | 'month';
  readonly hard: boolean;
}

/** What applies to an account that names nothing of its own. */
export interface DefaultLimits {
  readonly clientKey: Limits;
  readonly tenant: Limits;
  readonly budget: Budget;
}

const NANO_PER_USD = 1_000_000_000n;
/** What a limit can be anywhere: it goes over the wire in 32 bits. */
export const MAX_LIMIT = 4_294_967_295;

/** The `DEFAULT_*` values. */
export function readDefaultLimits(reader: ConfigReader): DefaultLimits {
  return {
    clientKey: readLimits(reader, 'DEFAULT_KEY', {
      requestsPerMinute: 1_000,
      tokensPerMinute: 1_000_000,
      parallel: 10,
    }),
    tenant: readLimits(reader, 'DEFAULT_TENANT', {
      requestsPerMinute: 1_000,
      tokensPerMinute: 1_000_000,
      parallel: 100,
    }),
    budget: {
      nanoUsd: BigInt(reader.integer('DEFAULT_BUDGET_USD', { default: 100, max: 9_000_000_000 })) * NANO_PER_USD,
      period: reader.oneOf('DEFAULT_BUDGET_PERIOD', ['month', 'week', 'day'], 'month'),
      hard: reader.boolean('DEFAULT_BUDGET_HARD', false),
    },
  };
}

function readLimits(reader: ConfigReader, prefix: string, defaults: Limits): Limits {
  return {
    requestsPerMinute: reader.integer(`${prefix}_RPM`, { default: defaults.requestsPerMinute, max: MAX_LIMIT }),
    tokensPerMinute: reader.integer(`${prefix}_TPM`, { default: defaults.tokensPerMinute, max: MAX_LIMIT }),
    parallel: reader.integer(`${prefix}_PARALLEL`, { default: defaults.parallel, max: MAX_LIMIT }),
  };
}
