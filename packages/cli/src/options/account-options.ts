import { accountsAdminV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import type { OptionSpecs } from '../command.ts';
import { UsageError } from '../failures.ts';
import { readUsd } from './usd-option.ts';

const { BudgetPeriod, BudgetRule } = accountsAdminV1;

const MOST = { min: 0, max: 2 ** 32 - 1 };

/** Whose limits or budget. */
export const TENANT_OR_KEY = {
  tenant: { type: 'string', value: 'ID', summary: 'of this tenant' },
  key: { type: 'string', value: 'ID', summary: 'of this client key (its id, never the key itself)' },
} as const satisfies OptionSpecs;

export type TenantOrKey = { readonly tenantId: string } | { readonly clientKeyId: string };

export function readTenantOrKey(args: Arguments<'tenant' | 'key'>): TenantOrKey {
  const [tenantId, clientKeyId] = [args.string('tenant'), args.string('key')];
  if (tenantId !== undefined && clientKeyId === undefined) return { tenantId };
  if (clientKeyId !== undefined && tenantId === undefined) return { clientKeyId };
  throw new UsageError('one of --tenant ID and --key ID is needed');
}

export const LIMITS = {
  rpm: { type: 'string', value: 'N', summary: 'requests per minute; 0 takes the limit of its own away' },
  tpm: { type: 'string', value: 'N', summary: 'tokens per minute; 0 takes the limit of its own away' },
  parallel: { type: 'string', value: 'N', summary: 'requests at the same time; 0 takes the limit of its own away' },
} as const satisfies OptionSpecs;

/** Only what is given; at every site where none is named. */
export function readLimits(
  args: Arguments<keyof typeof LIMITS>,
  site: string | undefined,
): readonly accountsAdminV1.SiteLimits[] {
  const [requestsPerMinute, tokensPerMinute] = [args.integer('rpm', MOST), args.integer('tpm', MOST)];
  const parallel = args.integer('parallel', MOST);
  if (requestsPerMinute === undefined && tokensPerMinute === undefined && parallel === undefined) return [];
  return [{ site: site ?? '', requestsPerMinute, tokensPerMinute, parallel }];
}

export const BUDGET = {
  usd: { type: 'string', value: 'AMOUNT', summary: 'how much may be spent in each period' },
  period: { type: 'string', value: 'PERIOD', summary: 'day, week (from Monday) or month (default)' },
  'rolling-days': { type: 'string', value: 'N', summary: 'instead of a period: the last N days, today among them' },
  zone: { type: 'string', value: 'ZONE', summary: 'whose days: a time zone such as Europe/Berlin (default UTC)' },
  'warn-at': { type: 'string', value: 'SHARE', summary: 'warn from this share of it on (default 0.8)' },
  hard: { type: 'boolean', summary: 'admit nothing that could go beyond it' },
} as const satisfies OptionSpecs;

const PERIODS: Readonly<Record<string, accountsAdminV1.BudgetPeriod>> = {
  day: BudgetPeriod.DAY,
  week: BudgetPeriod.WEEK,
  month: BudgetPeriod.MONTH,
};

export function readBudget(args: Arguments<keyof typeof BUDGET>): accountsAdminV1.BudgetTerms {
  const nanoUsd = readUsd(args, 'usd');
  if (nanoUsd === undefined) throw new UsageError('--usd AMOUNT is needed');
  const [word, days] = [args.string('period'), args.integer('rolling-days', { min: 1, max: 366 })];
  if (word !== undefined && days !== undefined) throw new UsageError('--period and --rolling-days exclude each other');
  const period = days === undefined ? PERIODS[word ?? 'month'] : BudgetPeriod.ROLLING;
  if (period === undefined) throw new UsageError(`--period is day, week or month, not "${word ?? ''}"`);
  return {
    rule: BudgetRule.OWN,
    budget: {
      nanoUsd,
      period,
      days: days ?? 0,
      timeZone: args.string('zone') ?? '',
      warnAt: readShare(args.string('warn-at')),
      hard: args.flag('hard'),
    },
  };
}

function readShare(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const share = Number(text);
  if (/^\d*\.?\d+$/.test(text) && share > 0 && share <= 1) return share;
  throw new UsageError(`--warn-at is a share such as 0.8, not "${text}"`);
}

/** What a client key is restricted to. */
export const KEY_RESTRICTIONS = {
  name: { type: 'string', value: 'NAME', summary: 'what people call it' },
  scopes: { type: 'string', value: 'A,B', summary: 'only for inference, models or account; "all" lifts it' },
  models: { type: 'string', value: 'A,B', summary: 'only for these models; "all" lifts it' },
  sites: { type: 'string', value: 'A,B', summary: 'only at these sites; "all" lifts it' },
  expires: { type: 'string', value: 'TIME', summary: 'when it ends (2027-01-31, or with a time and zone); "never"' },
} as const satisfies OptionSpecs;

export function readKeyFields(args: Arguments<keyof typeof KEY_RESTRICTIONS>): accountsAdminV1.ClientKeyFields {
  const expires = args.string('expires');
  return {
    name: args.string('name'),
    scopes: readWords(args.list('scopes')),
    allowedModels: readWords(args.list('models')),
    sites: readWords(args.list('sites')),
    expiresAt: expires === undefined || expires === 'never' ? undefined : readTime(expires),
    neverExpires: expires === 'never',
    limits: [],
  };
}

function readWords(words: readonly string[] | undefined): accountsAdminV1.WordList | undefined {
  if (words === undefined) return undefined;
  return { words: words.length === 1 && words[0] === 'all' ? [] : words };
}

/** A day is meant from its beginning, in the zone of whoever writes it. */
function readTime(text: string): Date {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const time = new Date(isDay ? `${text}T00:00:00` : text);
  if (!Number.isNaN(time.getTime()) && (isDay || /(Z|[+-]\d\d:\d\d)$/.test(text))) return time;
  throw new UsageError(`--expires is a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z, not "${text}"`);
}
