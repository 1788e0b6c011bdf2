import { decimalUsd } from '@omg/pricing';
import type { OwnAccount, OwnBudget, OwnLimits, OwnRequest } from '../app/own-account.ts';

/** An account as clients read it: money as decimal USD, and exactly in nano-USD, both as strings. */
export function ownAccountAnswer(account: OwnAccount, site: string): object {
  const { scopes = [], allowedModels = [], sites = [] } = account.keyTerms ?? {};
  return {
    object: 'account',
    id: account.tenantId,
    name: account.tenantName,
    key: {
      id: account.clientKeyId,
      name: account.clientKeyName,
      expires_at: account.expiresAt ?? null,
      // empty: everything
      scopes,
      models: allowedModels,
      sites,
    },
    balance: {
      ...money(account.balanceNanoUsd),
      credits: money(account.creditsNanoUsd),
      ref_credits: money(account.refCreditsNanoUsd),
      spent: money(account.spentNanoUsd),
    },
    limits: { site, key: limits(account.keyLimits), account: limits(account.tenantLimits) },
    budgets: [
      ...(account.keyBudget === undefined ? [] : [budget('key', account.keyBudget)]),
      ...(account.tenantBudget === undefined ? [] : [budget('account', account.tenantBudget)]),
    ],
    requests: account.lastRequests.map(request),
  };
}

function money(nanoUsd: bigint): object {
  return { usd: decimalUsd(nanoUsd), nano_usd: nanoUsd.toString() };
}

function limits({ requestsPerMinute, tokensPerMinute, parallel }: OwnLimits): object {
  return { requests_per_minute: requestsPerMinute, tokens_per_minute: tokensPerMinute, parallel };
}

function budget(of: 'key' | 'account', own: OwnBudget): object {
  return {
    of,
    ...money(own.nanoUsd),
    period: own.period,
    days: own.days ?? null,
    time_zone: own.timeZone,
    hard: own.hard,
    window: { id: own.windowId, starts_at: own.startsAt, ends_at: own.endsAt },
    spent: money(own.spentNanoUsd),
    left: money(own.leftNanoUsd),
    warn_at: own.warnAt,
    warning: own.warning,
  };
}

function request({ tokens, ...own }: OwnRequest): object {
  return {
    id: own.requestId,
    accepted_at: own.acceptedAt,
    site: own.site,
    model: own.model,
    stream: own.stream,
    status: own.statusCode,
    success: own.success,
    tokens: {
      input: tokens.input,
      cache_write_5m: tokens.cacheWrite5m,
      cache_write_1h: tokens.cacheWrite1h,
      cache_read: tokens.cacheRead,
      output: tokens.output,
    },
    usage_source: own.usageSource,
    cost: money(own.costNanoUsd),
    latency_ms: own.latencyMs,
    first_token_ms: own.firstTokenMs ?? null,
  };
}
