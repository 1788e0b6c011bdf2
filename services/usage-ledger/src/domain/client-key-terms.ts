/** What a key may be used for: calls of models, the list of models, questions about its own account. */
export const CLIENT_KEY_SCOPES = ['inference', 'models', 'account'] as const;

/** What a key is restricted to; an empty list is no restriction. */
export interface ClientKeyTerms {
  readonly scopes: readonly string[];
  readonly allowedModels: readonly string[];
  readonly sites: readonly string[];
}

export const UNRESTRICTED: ClientKeyTerms = { scopes: [], allowedModels: [], sites: [] };

export function isUnrestricted({ scopes, allowedModels, sites }: ClientKeyTerms): boolean {
  return scopes.length + allowedModels.length + sites.length === 0;
}

/** A secret that was replaced, and works until then. */
export interface EarlierSecret {
  readonly prefix: string;
  readonly lastFour: string;
  readonly endsAt: Date;
}

export const MAX_GRACE_MS = 30 * 24 * 3_600_000;
/** More than anybody rotates within a grace. */
export const MAX_EARLIER_SECRETS = 8;

/**
 * The secrets that still work when `replaced` is replaced now: it until the grace is over, and those before it until
 * theirs is, but none longer than it.
 */
export function earlierSecretsAfter<Secret extends EarlierSecret>(
  earlier: readonly Secret[],
  replaced: Omit<Secret, 'endsAt'>,
  { now, graceMs }: { readonly now: Date; readonly graceMs: number },
): readonly (Secret | (Omit<Secret, 'endsAt'> & { readonly endsAt: Date }))[] {
  const endsAt = new Date(now.getTime() + graceMs);
  const all = [
    ...earlier.map((secret) => (secret.endsAt < endsAt ? secret : { ...secret, endsAt })),
    { ...replaced, endsAt },
  ];
  return all.filter((secret) => secret.endsAt > now).slice(-MAX_EARLIER_SECRETS);
}
