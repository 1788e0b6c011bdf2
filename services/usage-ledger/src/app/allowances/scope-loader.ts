import type { ScopeSettings } from '@omg/quota';
import { parseScopeName, type AccountScope, type ScopeOwner } from '../../domain/account-scope.ts';
import { scopeState, type AccountDefaults, type QuotaAccount, type QuotaLimits } from '../../domain/account-quotas.ts';
import { oldBuckets, rollingEndsAt, type SpentBy } from '../../domain/budget-bucket.ts';
import type { AllowanceStore } from './allowance-store.ts';

/** A scope as it was read. */
export interface LoadedScope {
  readonly settings: ScopeSettings;
  /** Undefined where there is no such account in the partition. */
  readonly tenantId: string | undefined;
  /** When it has to be read again by itself: a rolling budget forgets a day. */
  readonly againAt: Date | undefined;
}

export interface ScopeLoaderOptions {
  readonly store: Pick<AllowanceStore, 'accounts' | 'forgetBuckets'>;
  readonly defaults: AccountDefaults;
  readonly now: () => Date;
  /** Whether the tenant is one of the partition. */
  readonly isOurs: (tenantId: string) => boolean;
}

/** Nobody may have anything of what does not exist. */
const NOTHING = { requests: 0, tokens: 0, slots: 0, nanoUsd: 0 };

/** Reads what these scopes allow now, beyond what is charged. */
export async function loadScopes(
  names: readonly string[],
  { store, defaults, now, isOurs }: ScopeLoaderOptions,
): Promise<readonly LoadedScope[]> {
  const parsed = names.map((name) => ({ name, scope: parseScopeName(name) }));
  const idsOf = (of: AccountScope['of']): readonly string[] => [
    ...new Set(parsed.flatMap(({ scope }) => (scope?.of === of ? [scope.id] : []))),
  ];
  const { tenants, keys } = await store.accounts({ tenantIds: idsOf('tenant'), keyIds: idsOf('key') });
  const at = { defaults, now: now() };
  for (const { tenant } of tenants.values()) await forgetOld(store, { of: 'tenant', ...tenant, now: at.now });
  for (const { key } of keys.values()) await forgetOld(store, { of: 'key', ...key, now: at.now });
  return parsed.map(({ name, scope }) => {
    const account = scope === undefined ? undefined : (scope.of === 'key' ? keys : tenants).get(scope.id);
    if (scope === undefined || account === undefined || !isOurs(account.tenant.id))
      return { settings: { scope: name, limits: NOTHING, version: 1 }, tenantId: undefined, againAt: undefined };
    return toLoaded(name, scope, account, at);
  });
}

/** Not at every load: an account changes for it. */
const MANY_OLD = 10;

async function forgetOld(
  store: Pick<AllowanceStore, 'forgetBuckets'>,
  account: { readonly of: ScopeOwner; readonly id: string; readonly spentBy: SpentBy; readonly now: Date },
): Promise<void> {
  const { of, id, spentBy, now } = account;
  const old = oldBuckets(spentBy, now);
  if (old.length >= MANY_OLD) await store.forgetBuckets(of, id, old);
}

function toLoaded(
  name: string,
  scope: AccountScope,
  account: QuotaAccount,
  at: { readonly defaults: AccountDefaults; readonly now: Date },
): LoadedScope {
  const { limits, hard } = scopeState(scope, account, at);
  return {
    // what is spent is taken off the limit: the whole of an old account's charges may be more than a double is exact for
    settings: {
      scope: name,
      limits: toAmounts(limits),
      hard,
      version: Number(account.tenant.version),
      spentNanoUsd: 0,
    },
    tenantId: account.tenant.id,
    againAt: scope.kind === 'budget' ? rollingEndsAt(scope.bucket, at.now) : undefined,
  };
}

function toAmounts({ nanoUsd, ...rates }: QuotaLimits): ScopeSettings['limits'] {
  if (nanoUsd === undefined) return rates;
  return { ...rates, nanoUsd: Math.min(Number(nanoUsd), Number.MAX_SAFE_INTEGER) };
}
