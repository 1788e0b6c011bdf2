import type { accountsV1 } from '@omg/proto-gen';
import type { OwnAccount, OwnBudget } from '../app/own-account.ts';
import { isUnrestricted } from '../domain/client-key-terms.ts';
import type { ChargedRequest } from '../domain/usage-record.ts';
import { toBudget } from './account-terms.ts';
import { SOURCE } from './to-request-log.ts';

export function toOwnAccount({ tenant, key, left, limits, ...account }: OwnAccount): accountsV1.OwnAccount {
  return {
    tenantId: tenant.id,
    tenantName: tenant.name,
    clientKeyId: key.id,
    clientKeyName: key.name,
    expiresAt: key.expiresAt,
    keyTerms: isUnrestricted(key.terms) ? undefined : key.terms,
    creditsNanoUsd: left.credits,
    refCreditsNanoUsd: left.refCredits,
    balanceNanoUsd: account.balanceNanoUsd,
    spentNanoUsd: tenant.purses.spent,
    keyLimits: limits.clientKey,
    tenantLimits: limits.tenant,
    keyBudget: toOwnBudget(account.keyBudget),
    tenantBudget: toOwnBudget(account.tenantBudget),
    lastRequests: account.lastRequests.map(toOwnRequest),
  };
}

function toOwnBudget(own: OwnBudget | undefined): accountsV1.OwnBudget | undefined {
  if (own === undefined) return undefined;
  const { budget, window, ...spending } = own;
  return {
    ...spending,
    budget: toBudget(budget),
    windowId: window.id,
    windowStartsAt: window.startsAt,
    windowEndsAt: window.endsAt,
  };
}

/** Nothing of how it was served: keys, proxies and attempts are the operator's own matter. */
function toOwnRequest({ record, costNanoUsd }: ChargedRequest): accountsV1.OwnRequest {
  const { requestId, acceptedAt, site, model, stream, statusCode, success, tokens, latencyMs, firstTokenMs } = record;
  return {
    requestId,
    acceptedAt,
    site,
    model,
    stream,
    statusCode,
    success,
    tokens,
    usageSource: SOURCE[record.usageSource],
    costNanoUsd,
    latencyMs,
    firstTokenMs,
  };
}
