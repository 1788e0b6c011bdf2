import { isTimeZone } from '../../domain/budget-window.ts';
import type { BudgetTerms } from '../../domain/budget.ts';
import { CLIENT_KEY_SCOPES } from '../../domain/client-key-terms.ts';
import type { Limits } from '../../domain/limits.ts';
import { invalid } from './admin-deps.ts';

const MAX_WORDS = 200;
const MAX_ROLLING_DAYS = 366;
const SITE = /^[a-z][a-z0-9-]{0,63}$/;
const PRINTABLE = /^[^\p{C}]{1,128}$/u;
/** What 64 bits hold is nine times that. */
const MAX_NANO_USD = 1_000_000_000_000_000_000n;

/** A change of limits at a site, or at every site that has none of its own (undefined); null takes a limit away. */
export interface LimitChange {
  readonly site: string | undefined;
  readonly limits: { readonly [Name in keyof Limits]?: number | null };
}

export function checkId(what: string, id: string): string {
  if (!/^[\w.-]{1,64}$/.test(id)) invalid(`${what} must be 1 to 64 letters, digits, dots, dashes or underscores`);
  return id;
}

export function checkName(name: string): string {
  if (!PRINTABLE.test(name) || name.trim() !== name) invalid('name must be 1 to 128 printable characters');
  return name;
}

export function checkReason(reason: string): string {
  if (!/^[^\p{C}]{1,500}$/u.test(reason) || reason.trim() === '')
    invalid('a reason is needed: 1 to 500 printable characters');
  return reason;
}

export function checkScopes(scopes: readonly string[]): readonly string[] {
  const known: readonly string[] = CLIENT_KEY_SCOPES;
  const unknown = scopes.find((scope) => !known.includes(scope));
  if (unknown !== undefined) invalid(`there is no scope ${JSON.stringify(unknown)}: ${known.join(', ')}`);
  return [...new Set(scopes)];
}

export function checkModels(models: readonly string[]): readonly string[] {
  if (models.length > MAX_WORDS || models.some((model) => !PRINTABLE.test(model)))
    invalid(`allowed models must be at most ${MAX_WORDS} names of 1 to 128 printable characters`);
  return [...new Set(models)];
}

export function checkSites(sites: readonly string[]): readonly string[] {
  if (sites.length > MAX_WORDS || sites.some((site) => !SITE.test(site)))
    invalid('sites must be names such as ohmygpt: small letters, digits and dashes');
  return [...new Set(sites)];
}

export function checkLimits({ site, limits }: LimitChange): LimitChange {
  if (site !== undefined) checkSites([site]);
  for (const [name, limit] of Object.entries(limits)) {
    if (limit !== null && (!Number.isSafeInteger(limit) || limit < 1))
      invalid(`${name} must be a whole number of at least 1`);
  }
  return { site, limits };
}

export function checkBudget(terms: BudgetTerms): BudgetTerms {
  if (terms === undefined || terms === 'none') return terms;
  const { nanoUsd, period, warnAt } = terms;
  if (nanoUsd <= 0n || nanoUsd > MAX_NANO_USD) invalid('a budget must be more than 0 and at most 1,000,000,000 USD');
  if (!(warnAt > 0 && warnAt <= 1)) invalid('the share to warn at must be more than 0 and at most 1');
  if (!isTimeZone(period.timeZone)) invalid(`there is no time zone ${JSON.stringify(period.timeZone)}`);
  if (period.kind === 'rolling' && !(period.days >= 1 && period.days <= MAX_ROLLING_DAYS))
    invalid(`a rolling budget must be of 1 to ${MAX_ROLLING_DAYS} days`);
  return terms;
}

export function checkAmount(nanoUsd: bigint): bigint {
  if (nanoUsd === 0n) invalid('an amount is needed');
  if (nanoUsd > MAX_NANO_USD || nanoUsd < -MAX_NANO_USD) invalid('an amount must be at most 1,000,000,000 USD');
  return nanoUsd;
}
