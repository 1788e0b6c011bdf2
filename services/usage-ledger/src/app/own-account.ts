import type { ClientKeyRecord, TenantRecord } from '../domain/account.ts';
import type { BudgetWindow } from '../domain/budget-window.ts';
import { warnFromNanoUsd, type Budget } from '../domain/budget.ts';
import type { PurseShares } from '../domain/credits.ts';
import { effectiveLimits, type EffectiveLimits } from '../domain/limits.ts';
import type { ChargedRequest } from '../domain/usage-record.ts';
import { existingKey, existingTenant, type AdminDeps } from './admin/admin-deps.ts';
import { reportKey } from './admin/client-key-report.ts';
import { reportTenant, type BudgetReport, type ReportDeps } from './admin/tenant-report.ts';
import type { RequestLogs } from './ports.ts';

export interface OwnAccountDeps extends Pick<AdminDeps, 'store'>, ReportDeps {
  readonly logs: Pick<RequestLogs, 'list'>;
}

export interface OwnBudget {
  readonly budget: Budget;
  readonly window: BudgetWindow;
  readonly spentNanoUsd: bigint;
  /** Never less than nothing. */
  readonly leftNanoUsd: bigint;
  /** So much is spent that it is to be warned. */
  readonly warning: boolean;
}

/** What a client key may know of its account. */
export interface OwnAccount {
  readonly tenant: TenantRecord;
  readonly key: ClientKeyRecord;
  readonly left: PurseShares;
  readonly balanceNanoUsd: bigint;
  /** At the site where it asks. */
  readonly limits: EffectiveLimits;
  readonly keyBudget: OwnBudget | undefined;
  readonly tenantBudget: OwnBudget | undefined;
  /** Of the key, newest first. */
  readonly lastRequests: readonly ChargedRequest[];
}

export interface OwnAccountQuestion {
  readonly clientKeyId: string;
  readonly site: string;
  readonly lastRequests: number;
}

const MAX_REQUESTS = 100;

export function makeOwnAccount(deps: OwnAccountDeps): (question: OwnAccountQuestion) => Promise<OwnAccount> {
  const { store, logs } = deps;
  return async ({ clientKeyId, site, lastRequests }) => {
    const key = await existingKey({ store }, clientKeyId);
    const pageSize = Math.min(lastRequests, MAX_REQUESTS);
    const [tenant, requests] = await Promise.all([
      existingTenant({ store }, key.tenantId),
      // to the server no limit is none
      pageSize === 0 ? [] : logs.list({ clientKeyId, pageSize, before: undefined }),
    ]);
    const { left, balanceNanoUsd, budget } = reportTenant(deps, tenant);
    return {
      tenant,
      key,
      left,
      balanceNanoUsd,
      limits: effectiveLimits({ clientKey: key.limits, tenant: tenant.limits, defaults: deps.defaults, site }),
      keyBudget: ownBudget(reportKey(deps, tenant, key).budget),
      tenantBudget: ownBudget(budget),
      lastRequests: requests,
    };
  };
}

function ownBudget({ budget, window, spentNanoUsd }: BudgetReport): OwnBudget | undefined {
  if (budget === undefined || window === undefined) return undefined;
  const leftNanoUsd = budget.nanoUsd > spentNanoUsd ? budget.nanoUsd - spentNanoUsd : 0n;
  return { budget, window, spentNanoUsd, leftNanoUsd, warning: spentNanoUsd >= warnFromNanoUsd(budget) };
}
