import { accountsAdminV1 } from '@omg/proto-gen';
import { NOTHING, formatCount, formatExactTime, formatTime, formatUsd } from '../output/format.ts';
import type { Column } from '../output/table.ts';
import { withNulls } from '../output/with-nulls.ts';

const { BudgetPeriod, BudgetRule, ClientKeyStatus, CreditKind, Purse, TenantStatus, TenantType } = accountsAdminV1;

export type TenantView = accountsAdminV1.TenantView;
export type ClientKeyView = accountsAdminV1.ClientKeyView;

const UNKNOWN = { UNSPECIFIED: 'unknown', UNRECOGNIZED: 'unknown' };

export const TENANT_TYPES = {
  [TenantType.ORGANIZATION]: 'organization',
  [TenantType.PERSONAL]: 'personal',
  [TenantType.SERVICE]: 'service',
  [TenantType.UNSPECIFIED]: UNKNOWN.UNSPECIFIED,
  [TenantType.UNRECOGNIZED]: UNKNOWN.UNRECOGNIZED,
} as const satisfies Record<accountsAdminV1.TenantType, string>;

export const TENANT_STATUSES = {
  [TenantStatus.ACTIVE]: 'active',
  [TenantStatus.SUSPENDED]: 'suspended',
  [TenantStatus.UNSPECIFIED]: UNKNOWN.UNSPECIFIED,
  [TenantStatus.UNRECOGNIZED]: UNKNOWN.UNRECOGNIZED,
} as const satisfies Record<accountsAdminV1.TenantStatus, string>;

export const KEY_STATUSES = {
  [ClientKeyStatus.ENABLED]: 'enabled',
  [ClientKeyStatus.DISABLED]: 'disabled',
  [ClientKeyStatus.REVOKED]: 'revoked',
  [ClientKeyStatus.UNSPECIFIED]: UNKNOWN.UNSPECIFIED,
  [ClientKeyStatus.UNRECOGNIZED]: UNKNOWN.UNRECOGNIZED,
} as const satisfies Record<accountsAdminV1.ClientKeyStatus, string>;

const CREDIT_KINDS: Record<accountsAdminV1.CreditKind, string> = {
  [CreditKind.TOP_UP]: 'top-up',
  [CreditKind.GRANT]: 'grant',
  [CreditKind.ADJUST]: 'adjust',
  [CreditKind.REFUND]: 'refund',
  [CreditKind.VOID]: 'void',
  [CreditKind.UNSPECIFIED]: UNKNOWN.UNSPECIFIED,
  [CreditKind.UNRECOGNIZED]: UNKNOWN.UNRECOGNIZED,
};

const PURSES: Record<accountsAdminV1.Purse, string> = {
  [Purse.CREDITS]: 'credits',
  [Purse.REF_CREDITS]: 'refCredits',
  [Purse.UNSPECIFIED]: UNKNOWN.UNSPECIFIED,
  [Purse.UNRECOGNIZED]: UNKNOWN.UNRECOGNIZED,
};

const PERIODS: Record<accountsAdminV1.BudgetPeriod, string> = {
  [BudgetPeriod.DAY]: 'day',
  [BudgetPeriod.WEEK]: 'week',
  [BudgetPeriod.MONTH]: 'month',
  [BudgetPeriod.ROLLING]: 'rolling',
  [BudgetPeriod.UNSPECIFIED]: UNKNOWN.UNSPECIFIED,
  [BudgetPeriod.UNRECOGNIZED]: UNKNOWN.UNRECOGNIZED,
};

const RULES: Record<accountsAdminV1.BudgetRule, string> = {
  [BudgetRule.DEFAULT]: 'default',
  [BudgetRule.NONE]: 'none',
  [BudgetRule.OWN]: 'own',
  [BudgetRule.UNSPECIFIED]: UNKNOWN.UNSPECIFIED,
  [BudgetRule.UNRECOGNIZED]: UNKNOWN.UNRECOGNIZED,
};

export const TENANT_COLUMNS: readonly Column<TenantView>[] = [
  { title: 'TENANT', value: ({ tenantId }) => tenantId },
  { title: 'NAME', value: ({ name }) => name, leaveOut: 3 },
  { title: 'TYPE', value: ({ type }) => TENANT_TYPES[type], leaveOut: 2 },
  {
    title: 'STATUS',
    value: ({ status }) => TENANT_STATUSES[status],
    style: ({ status }) => (status === TenantStatus.ACTIVE ? 'green' : 'red'),
  },
  { title: 'CREDITS', align: 'right', value: ({ creditsNanoUsd }) => formatUsd(creditsNanoUsd), leaveOut: 1 },
  { title: 'REF CREDITS', align: 'right', value: ({ refCreditsNanoUsd }) => formatUsd(refCreditsNanoUsd), leaveOut: 1 },
  { title: 'BALANCE', align: 'right', value: ({ balanceNanoUsd }) => formatUsd(balanceNanoUsd) },
  { title: 'SPENT', align: 'right', value: ({ spentNanoUsd }) => formatUsd(spentNanoUsd), leaveOut: 4 },
];

export function tenantToJson({ type, status, budget, ...tenant }: TenantView): object {
  return withNulls({
    ...tenant,
    type: TENANT_TYPES[type],
    status: TENANT_STATUSES[status],
    budget: budgetToJson(budget),
  });
}

export function tenantFacts(tenant: TenantView): readonly (readonly [string, string])[] {
  return [
    ['name', tenant.name],
    ['type', TENANT_TYPES[tenant.type]],
    ['status', TENANT_STATUSES[tenant.status]],
    ['credits', formatUsd(tenant.creditsNanoUsd)],
    ['refCredits', formatUsd(tenant.refCreditsNanoUsd)],
    ['balance', formatUsd(tenant.balanceNanoUsd)],
    ['spent', formatUsd(tenant.spentNanoUsd)],
    ...limitFacts(tenant),
    ['budget', formatBudget(tenant.budget)],
    ['window', formatWindow(tenant.budget)],
    ['spent in it', formatSpent(tenant.budget)],
    ['may pass by', formatMayPassBy(tenant.budget)],
    ['version', formatCount(tenant.version)],
    ['created', formatExactTime(tenant.createdAt)],
  ];
}

export function maskedSecret({ prefix, lastFour }: { readonly prefix: string; readonly lastFour: string }): string {
  return `${prefix}...${lastFour}`;
}

export const KEY_COLUMNS: readonly Column<ClientKeyView>[] = [
  { title: 'KEY', value: ({ clientKeyId }) => clientKeyId },
  { title: 'TENANT', value: ({ tenantId }) => tenantId, leaveOut: 4 },
  { title: 'NAME', value: ({ name }) => name, leaveOut: 3 },
  { title: 'SECRET', value: maskedSecret, leaveOut: 5 },
  {
    title: 'STATUS',
    value: ({ status, usable, blockedBy }) => (usable ? KEY_STATUSES[status] : blockedBy),
    style: ({ usable }) => (usable ? 'green' : 'red'),
  },
  { title: 'EXPIRES', value: ({ expiresAt }) => formatTime(expiresAt), leaveOut: 2 },
  { title: 'MODELS', value: ({ allowedModels }) => allowedModels.join(', ') || 'any', leaveOut: 1 },
  { title: 'SITES', value: ({ sites }) => sites.join(', ') || 'any', leaveOut: 1 },
];

export function keyToJson({ status, budget, ...key }: ClientKeyView): object {
  return withNulls({ ...key, status: KEY_STATUSES[status], budget: budgetToJson(budget) });
}

export function keyFacts(key: ClientKeyView): readonly (readonly [string, string])[] {
  return [
    ['name', key.name],
    ['tenant', key.tenantId],
    ['secret', maskedSecret(key)],
    ['status', KEY_STATUSES[key.status]],
    ['can be used', key.usable ? 'yes' : `no: ${key.blockedBy}`],
    ['expires', formatExactTime(key.expiresAt)],
    ['scopes', key.scopes.join(', ') || 'all'],
    ['models', key.allowedModels.join(', ') || 'any'],
    ['sites', key.sites.join(', ') || 'any'],
    ...limitFacts(key),
    ['budget', formatBudget(key.budget)],
    ['window', formatWindow(key.budget)],
    ['spent in it', formatSpent(key.budget)],
    ['may pass by', formatMayPassBy(key.budget)],
    ...key.earlierSecrets.map((secret): [string, string] => [
      'earlier secret',
      `${maskedSecret(secret)}, works until ${formatExactTime(secret.endsAt)}`,
    ]),
    ['created', formatExactTime(key.createdAt)],
  ];
}

export const CREDIT_COLUMNS: readonly Column<accountsAdminV1.CreditEntry>[] = [
  { title: 'TIME', value: ({ at }) => formatTime(at) },
  { title: 'KIND', value: ({ kind }) => CREDIT_KINDS[kind] },
  { title: 'PURSE', value: ({ purse }) => PURSES[purse], leaveOut: 2 },
  { title: 'AMOUNT', align: 'right', value: ({ nanoUsd }) => formatUsd(nanoUsd) },
  { title: 'BALANCE', align: 'right', value: ({ balanceNanoUsd }) => formatUsd(balanceNanoUsd) },
  { title: 'ACTOR', value: ({ actor }) => actor, leaveOut: 3 },
  { title: 'REQUEST', value: ({ requestId }) => requestId || NOTHING, leaveOut: 1 },
  { title: 'REASON', value: ({ reason }) => reason },
];

export function creditToJson({ kind, purse, ...entry }: accountsAdminV1.CreditEntry): object {
  return withNulls({ ...entry, kind: CREDIT_KINDS[kind], purse: PURSES[purse] });
}

/** `$100.00 a month (UTC), warns at 80 %`, or that there is none. */
export function formatBudget(view: accountsAdminV1.BudgetView | undefined): string {
  const budget = view?.budget;
  if (view === undefined || budget === undefined) return NOTHING;
  const { nanoUsd, period, days, timeZone, warnAt = 0, hard } = budget;
  const each = period === BudgetPeriod.ROLLING ? `in ${days} days` : `a ${PERIODS[period]}`;
  const notes = [timeZone, `warns at ${Math.round(warnAt * 100)} %`, hard ? 'hard' : 'soft'].join(', ');
  return `${formatUsd(nanoUsd)} ${each} (${notes})${view.rule === BudgetRule.DEFAULT ? ', the default' : ''}`;
}

/** In the window that counts now; with an exclamation mark from the share on that it warns from. */
export function formatSpent(view: accountsAdminV1.BudgetView | undefined): string {
  if (view?.budget === undefined) return NOTHING;
  const { nanoUsd, warnAt = 1 } = view.budget;
  const warns = Number(view.spentNanoUsd) >= warnAt * Number(nanoUsd);
  return `${formatUsd(view.spentNanoUsd)}${warns ? ' !' : ''}`;
}

export function formatLeft(view: accountsAdminV1.BudgetView | undefined): string {
  if (view?.budget === undefined) return NOTHING;
  const left = view.budget.nanoUsd - view.spentNanoUsd;
  return formatUsd(left > 0n ? left : 0n);
}

export function formatMayPassBy(view: accountsAdminV1.BudgetView | undefined): string {
  return view?.budget === undefined ? NOTHING : formatUsd(view.mayPassByNanoUsd);
}

export function formatWindow(view: accountsAdminV1.BudgetView | undefined): string {
  if (view?.windowStartsAt === undefined) return NOTHING;
  return `${formatTime(view.windowStartsAt)} to ${formatTime(view.windowEndsAt)}`;
}

export function budgetToJson(view: accountsAdminV1.BudgetView | undefined): object | undefined {
  if (view === undefined) return undefined;
  const { rule, budget, ...window } = view;
  return { rule: RULES[rule], ...budget, ...(budget && { period: PERIODS[budget.period] }), ...window };
}

/** `requests / minute  1,000 (50 at ohmygpt)` */
function limitFacts({
  limits,
  effectiveLimits,
}: Pick<TenantView, 'limits' | 'effectiveLimits'>): readonly (readonly [string, string])[] {
  const names = [
    ['requests / minute', 'requestsPerMinute'],
    ['tokens / minute', 'tokensPerMinute'],
    ['parallel', 'parallel'],
  ] as const;
  return names.map(([title, name]) => {
    const own = limits.some(({ site, [name]: limit }) => site === '' && limit !== undefined);
    const atSites = limits.flatMap(({ site, [name]: limit }) =>
      site === '' || limit === undefined ? [] : [`${formatCount(limit)} at ${site}`],
    );
    const notes = [...(own ? [] : ['the default']), ...atSites].join(', ');
    return [title, `${formatCount(effectiveLimits?.[name] ?? 0)}${notes === '' ? '' : ` (${notes})`}`];
  });
}
