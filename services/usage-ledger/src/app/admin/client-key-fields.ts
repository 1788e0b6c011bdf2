import type { BudgetTerms } from '../../domain/budget.ts';
import type { ClientKeyRecord } from '../../domain/account.ts';
import type { ClientKeyFields } from './account-store.ts';
import { invalid } from './admin-deps.ts';
import {
  checkBudget,
  checkLimits,
  checkModels,
  checkName,
  checkScopes,
  checkSites,
  type LimitChange,
} from './check-terms.ts';
import { changedLimits } from './edit-tenant.ts';

/** What may be said of a key; what is undefined stays as it is. */
export interface GivenKeyFields {
  readonly name?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly allowedModels?: readonly string[] | undefined;
  readonly sites?: readonly string[] | undefined;
  readonly expiry?: { readonly at: Date | undefined } | undefined;
  readonly limits: readonly LimitChange[];
  readonly budget: { readonly terms: BudgetTerms } | undefined;
}

export function isNothing({ limits, ...given }: GivenKeyFields): boolean {
  return limits.length === 0 && Object.values(given).every((value) => value === undefined);
}

/** Checked before anything is touched. */
export function checkKeyFields(given: GivenKeyFields, now: Date): GivenKeyFields {
  const { name, scopes, allowedModels, sites, expiry, limits, budget } = given;
  if (expiry?.at !== undefined && expiry.at <= now) invalid('a key cannot expire in the past: disable or revoke it');
  return {
    ...(name === undefined ? {} : { name: checkName(name) }),
    ...(scopes === undefined ? {} : { scopes: checkScopes(scopes) }),
    ...(allowedModels === undefined ? {} : { allowedModels: checkModels(allowedModels) }),
    ...(sites === undefined ? {} : { sites: checkSites(sites) }),
    expiry,
    limits: limits.map(checkLimits),
    budget: budget === undefined ? undefined : { terms: checkBudget(budget.terms) },
  };
}

/** The key's members as they are to be. */
export function changedKeyFields(
  { terms, limits }: Pick<ClientKeyRecord, 'terms' | 'limits'>,
  given: GivenKeyFields,
): ClientKeyFields {
  const { name, scopes, allowedModels, sites, expiry, budget } = given;
  const restricts = scopes !== undefined || allowedModels !== undefined || sites !== undefined;
  return {
    ...(name === undefined ? {} : { name }),
    ...(restricts
      ? {
          terms: {
            scopes: scopes ?? terms.scopes,
            allowedModels: allowedModels ?? terms.allowedModels,
            sites: sites ?? terms.sites,
          },
        }
      : {}),
    ...(expiry === undefined ? {} : { expiresAt: expiry.at }),
    ...(given.limits.length === 0 ? {} : { limits: changedLimits(limits, given.limits) }),
    ...(budget === undefined ? {} : { budget: budget.terms }),
  };
}
