/** What a client key is restricted to; an empty list is no restriction. */
export interface KeyTerms {
  readonly scopes: readonly string[];
  readonly allowedModels: readonly string[];
  readonly sites: readonly string[];
}

export const UNRESTRICTED: KeyTerms = { scopes: [], allowedModels: [], sites: [] };

export interface KeyUse {
  readonly scope?: 'inference' | 'models' | 'account';
  /** A model's names; one that is allowed is enough. */
  readonly model?: readonly string[];
  readonly site?: string;
}

/** Whether a key with these terms may be used so. */
export function mayUse(terms: KeyTerms, { scope, model, site }: KeyUse): boolean {
  const allows = (list: readonly string[], ...names: readonly string[]): boolean =>
    list.length === 0 || names.length === 0 || names.some((name) => list.includes(name));
  return (
    allows(terms.scopes, ...(scope === undefined ? [] : [scope])) &&
    allows(terms.allowedModels, ...(model ?? [])) &&
    allows(terms.sites, ...(site === undefined ? [] : [site]))
  );
}
