/** What may be used at a site. */
export interface Limits {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  readonly parallel: number;
}

/** What an account says of its limits itself; what it does not say is the default. */
export interface LimitTerms extends Partial<Limits> {
  /** For one site instead of every one; each site at most once. */
  readonly sites?: readonly (Partial<Limits> & { readonly site: string })[];
}

export const NO_LIMIT_TERMS: LimitTerms = {};

export interface EffectiveLimits {
  readonly clientKey: Limits;
  /** Of all client keys of the tenant together. */
  readonly tenant: Limits;
}

/** Limits count for each site by itself: the same key may use up its limits at two sites at once. */
export function effectiveLimits(input: {
  readonly clientKey: LimitTerms;
  readonly tenant: LimitTerms;
  readonly defaults: EffectiveLimits;
  readonly site: string;
}): EffectiveLimits {
  const { clientKey, tenant, defaults, site } = input;
  return {
    clientKey: limitsAt(site, clientKey, defaults.clientKey),
    tenant: limitsAt(site, tenant, defaults.tenant),
  };
}

function limitsAt(site: string, terms: LimitTerms, defaults: Limits): Limits {
  const here = terms.sites?.find((entry) => entry.site === site);
  const of = (name: keyof Limits): number => here?.[name] ?? terms[name] ?? defaults[name];
  return {
    requestsPerMinute: of('requestsPerMinute'),
    tokensPerMinute: of('tokensPerMinute'),
    parallel: of('parallel'),
  };
}

/** The terms with a change for one site, or for every site that has none of its own; `null` takes a limit away. */
export function changeLimitTerms(
  terms: LimitTerms,
  site: string | undefined,
  change: { readonly [Name in keyof Limits]?: number | null },
): LimitTerms {
  if (site === undefined) return { ...changed(terms, change), sites: terms.sites ?? [] };
  const { site: _, ...here } = terms.sites?.find((entry) => entry.site === site) ?? { site };
  const others = terms.sites?.filter((entry) => entry.site !== site) ?? [];
  const limits = changed(here, change);
  const sites = Object.keys(limits).length === 0 ? others : [...others, { site, ...limits }];
  return { ...terms, sites: sites.toSorted((a, b) => (a.site < b.site ? -1 : 1)) };
}

function changed(
  limits: Partial<Limits>,
  change: { readonly [Name in keyof Limits]?: number | null },
): Partial<Limits> {
  const of = (name: keyof Limits): Partial<Limits> => {
    const value = change[name] === undefined ? limits[name] : (change[name] ?? undefined);
    return value === undefined ? {} : { [name]: value };
  };
  return { ...of('requestsPerMinute'), ...of('tokensPerMinute'), ...of('parallel') };
}
