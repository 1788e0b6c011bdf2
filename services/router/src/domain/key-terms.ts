/** What a client key is restricted to; an empty list restricts nothing. */
export interface KeyTerms {
  /** `inference`, `models`, `account`. */
  readonly scopes: readonly string[];
  /** By their ids. */
  readonly allowedModels: readonly string[];
  readonly sites: readonly string[];
}

/** What a key is to be used for; what is left out is not asked about. */
export interface KeyUse {
  readonly scope?: 'inference' | 'models' | 'account';
  readonly model?: string;
  readonly site?: string;
}

/** Whether a key with these terms, or without any, may be used so. */
export function mayUse(terms: KeyTerms | undefined, { scope, model, site }: KeyUse): boolean {
  if (terms === undefined) return true;
  return allows(terms.scopes, scope) && allows(terms.allowedModels, model) && allows(terms.sites, site);
}

function allows(list: readonly string[], wanted: string | undefined): boolean {
  return list.length === 0 || wanted === undefined || list.includes(wanted);
}
