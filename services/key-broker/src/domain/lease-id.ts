/**
 * The id of a unary lease says which pool and key it is of, and in which term it was granted: the owner that comes after
 * has nothing else to know it by.
 */
export interface LeaseId {
  readonly provider: string;
  readonly term: number;
  readonly keyId: string;
}

export function makeLeaseId({ provider, term, keyId }: LeaseId, unique: string): string {
  return [provider, term, Buffer.from(keyId, 'utf8').toString('base64url'), unique].join('.');
}

export function parseLeaseId(id: string): LeaseId | undefined {
  const [provider, term, key, unique, ...more] = id.split('.');
  if (provider === undefined || key === undefined || unique === undefined || more.length > 0) return undefined;
  if (!/^\d{1,15}$/.test(term ?? '')) return undefined;
  return { provider, term: Number(term), keyId: Buffer.from(key, 'base64url').toString('utf8') };
}
