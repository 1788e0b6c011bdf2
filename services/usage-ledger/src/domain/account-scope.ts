/** One quota of an account. */
export type AccountScope =
  /** Requests and tokens per minute and parallel requests, at one site. */
  | { readonly kind: 'rate'; readonly of: ScopeOwner; readonly id: string; readonly site: string }
  /** A tenant's balance. */
  | { readonly kind: 'credit'; readonly of: 'tenant'; readonly id: string }
  | { readonly kind: 'budget'; readonly of: ScopeOwner; readonly id: string; readonly bucket: string };

export type ScopeOwner = 'key' | 'tenant';

/** Ids of tenants, keys, sites and buckets have none of it. */
const BETWEEN = '|';

export function scopeName(scope: AccountScope): string {
  switch (scope.kind) {
    case 'rate':
      return [scope.kind, scope.of, scope.id, scope.site].join(BETWEEN);
    case 'credit':
      return [scope.kind, scope.of, scope.id].join(BETWEEN);
    case 'budget':
      return [scope.kind, scope.of, scope.id, scope.bucket].join(BETWEEN);
  }
}

/** Undefined for what is no name of a scope. */
export function parseScopeName(name: string): AccountScope | undefined {
  const [kind, of, id, rest, ...more] = name.split(BETWEEN);
  if (more.length > 0 || id === undefined || id === '' || (of !== 'key' && of !== 'tenant')) return undefined;
  if (kind === 'credit') return of === 'tenant' && rest === undefined ? { kind, of, id } : undefined;
  if (rest === undefined || rest === '') return undefined;
  if (kind === 'rate') return { kind, of, id, site: rest };
  return kind === 'budget' ? { kind, of, id, bucket: rest } : undefined;
}
