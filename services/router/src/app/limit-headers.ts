import type { Dialect } from '@omg/llm-wire';
import type { QuotaStanding } from './allowances.ts';
import type { RawHeaders } from './upstream.ts';

/** What is spent of a window comes back within it. */
const WINDOW_MS = 60_000;
const NANO_PER_USD = 1e9;

type Rate = 'requests' | 'tokens';

/** What a client is told of its limits and budgets, under the names that SDKs of its dialect know. */
export function toLimitHeaders(dialect: Dialect, standing: readonly QuotaStanding[], now: Date): RawHeaders {
  return [...rateHeaders(dialect, standing, now), ...budgetHeaders(standing)];
}

function rateHeaders(dialect: Dialect, standing: readonly QuotaStanding[], now: Date): RawHeaders {
  return (['requests', 'tokens'] as const).flatMap((rate) => {
    const tightest = tightestOf(rate, standing);
    if (tightest === undefined) return [];
    const { limit, left } = tightest;
    const resetMs = left >= limit ? 0 : WINDOW_MS;
    return Object.entries(
      dialect === 'openai'
        ? {
            [`x-ratelimit-limit-${rate}`]: String(limit),
            [`x-ratelimit-remaining-${rate}`]: String(left),
            [`x-ratelimit-reset-${rate}`]: resetMs === 0 ? '0s' : '1m0s',
          }
        : {
            [`anthropic-ratelimit-${rate}-limit`]: String(limit),
            [`anthropic-ratelimit-${rate}-remaining`]: String(left),
            [`anthropic-ratelimit-${rate}-reset`]: new Date(now.getTime() + resetMs).toISOString(),
          },
    ).flat();
  });
}

/** Of key and tenant the one that has less left. */
function tightestOf(
  rate: Rate,
  standing: readonly QuotaStanding[],
): { readonly limit: number; readonly left: number } | undefined {
  const known = standing.flatMap(({ quota, left }) => {
    const limit = quota.limits[rate];
    const rest = left[rate];
    return limit === undefined || rest === undefined ? [] : [{ limit, left: Math.max(0, Math.floor(rest)) }];
  });
  return known.toSorted((a, b) => a.left - b.left)[0];
}

function budgetHeaders(standing: readonly QuotaStanding[]): RawHeaders {
  const budgets = standing.flatMap(({ quota, left }) => {
    const { kind, limits, warnFromNanoUsd } = quota;
    if (kind !== 'budget' || limits.nanoUsd === undefined || left.nanoUsd === undefined) return [];
    return [{ limit: limits.nanoUsd, left: left.nanoUsd, warnFrom: warnFromNanoUsd ?? Infinity }];
  });
  const [tightest] = budgets.toSorted((a, b) => a.left - b.left);
  if (tightest === undefined) return [];
  const warned = budgets.some(({ limit, left, warnFrom }) => limit - left >= warnFrom);
  return Object.entries({
    'x-budget-limit': toUsd(tightest.limit),
    'x-budget-remaining': toUsd(tightest.left),
    'x-budget-warning': String(warned),
  }).flat();
}

function toUsd(nanoUsd: number): string {
  return (nanoUsd / NANO_PER_USD).toFixed(6);
}
