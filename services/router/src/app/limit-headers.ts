import type { Dialect } from '@omg/llm-wire';
import type { QuotaStanding } from './allowances.ts';
import type { RawHeaders } from './upstream.ts';

/** What is spent of a window comes back within it. */
const WINDOW_MS = 60_000;
const NANO_PER_USD = 1e9;

const RATES = ['requests', 'tokens'] as const;
type Rate = (typeof RATES)[number];

interface RateNames {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

const NAMES: Readonly<Record<Dialect, Readonly<Record<Rate, RateNames>>>> = {
  openai: { requests: openAiNames('requests'), tokens: openAiNames('tokens') },
  anthropic: { requests: anthropicNames('requests'), tokens: anthropicNames('tokens') },
};

function openAiNames(rate: Rate): RateNames {
  const name = (what: string): string => `x-ratelimit-${what}-${rate}`;
  return { limit: name('limit'), remaining: name('remaining'), reset: name('reset') };
}

function anthropicNames(rate: Rate): RateNames {
  const name = (what: string): string => `anthropic-ratelimit-${rate}-${what}`;
  return { limit: name('limit'), remaining: name('remaining'), reset: name('reset') };
}

/** What a client is told of its limits and budgets, under the names that SDKs of its dialect know. */
export function toLimitHeaders(dialect: Dialect, standing: readonly QuotaStanding[], now: Date): RawHeaders {
  return [...rateHeaders(dialect, standing, now), ...budgetHeaders(standing)];
}

function rateHeaders(dialect: Dialect, standing: readonly QuotaStanding[], now: Date): string[] {
  const headers: string[] = [];
  for (const rate of RATES) {
    const tightest = tightestOf(rate, standing);
    if (tightest === undefined) continue;
    const { limit, left } = tightest;
    const resetMs = left >= limit ? 0 : WINDOW_MS;
    const names = NAMES[dialect][rate];
    const reset =
      dialect === 'openai' ? (resetMs === 0 ? '0s' : '1m0s') : new Date(now.getTime() + resetMs).toISOString();
    headers.push(names.limit, String(limit), names.remaining, String(left), names.reset, reset);
  }
  return headers;
}

/** Of key and tenant the one that has less left. */
function tightestOf(
  rate: Rate,
  standing: readonly QuotaStanding[],
): { readonly limit: number; readonly left: number } | undefined {
  let tightest: { limit: number; left: number } | undefined;
  for (const { quota, left: rest } of standing) {
    const limit = quota.limits[rate];
    const known = rest[rate];
    if (limit === undefined || known === undefined) continue;
    const left = Math.max(0, Math.floor(known));
    if (tightest === undefined || left < tightest.left) tightest = { limit, left };
  }
  return tightest;
}

function budgetHeaders(standing: readonly QuotaStanding[]): RawHeaders {
  let tightest: { limit: number; left: number } | undefined;
  let isWarned = false;
  for (const { quota, left } of standing) {
    const { kind, limits, warnFromNanoUsd } = quota;
    if (kind !== 'budget' || limits.nanoUsd === undefined || left.nanoUsd === undefined) continue;
    if (tightest === undefined || left.nanoUsd < tightest.left)
      tightest = { limit: limits.nanoUsd, left: left.nanoUsd };
    isWarned ||= limits.nanoUsd - left.nanoUsd >= (warnFromNanoUsd ?? Infinity);
  }
  if (tightest === undefined) return [];
  const { limit, left } = tightest;
  return ['x-budget-limit', toUsd(limit), 'x-budget-remaining', toUsd(left), 'x-budget-warning', String(isWarned)];
}

function toUsd(nanoUsd: number): string {
  return (nanoUsd / NANO_PER_USD).toFixed(6);
}
