/** What changed in the bucket table since a version. */
export interface AffinityDelta {
  /** The version that it applies to; undefined: to whatever the holder has, since it holds every bucket. */
  readonly from: number | undefined;
  readonly version: number;
  /** A power of two. */
  readonly buckets: number;
  /** Undefined: no key is usable. */
  readonly moves: readonly { readonly keyId: string | undefined; readonly buckets: readonly number[] }[];
}

/** Which bucket of a table an affinity key belongs to, by any well-mixed hash of it. */
export function bucketOf(hash: number, buckets: number): number {
  // a table that has grown keeps what a smaller one has said: the low bits count
  return (hash >>> 0) & (buckets - 1);
}

/** Changes of buckets, as they are sent. */
export function toDelta(
  changes: ReadonlyMap<number, string | undefined>,
  table: Pick<AffinityDelta, 'from' | 'version' | 'buckets'>,
): AffinityDelta {
  const byKey = new Map<string | undefined, number[]>();
  for (const [bucket, keyId] of changes) {
    const buckets = byKey.get(keyId);
    if (buckets === undefined) byKey.set(keyId, [bucket]);
    else buckets.push(bucket);
  }
  return { ...table, moves: [...byKey].map(([keyId, buckets]) => ({ keyId, buckets })) };
}
