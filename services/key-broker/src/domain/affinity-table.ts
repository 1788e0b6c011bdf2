import { toDelta, type AffinityDelta } from '@omg/affinity';
import { evenQuotas } from './even-quotas.ts';
import { LeastLoaded } from './least-loaded.ts';

export interface AffinityConfig {
  /** A power of two. */
  readonly minBuckets: number;
  /** With fewer per key, single conversations weigh too much: the table doubles. */
  readonly minBucketsPerKey: number;
  /** For how long after its last use a bucket stays with its key. */
  readonly stickyMs: number;
}

export const AFFINITY_DEFAULTS: AffinityConfig = { minBuckets: 4_096, minBucketsPerKey: 8, stickyMs: 30 * 60_000 };

interface Bucket {
  keyId: string | undefined;
  usedAtMs: number;
  /** The key that it was with when that went, as long as nobody has noticed. */
  homeId: string | undefined;
}

/**
 * Which key the conversations of a bucket stay with. Buckets in use stay where they are as long as their key can be
 * used, and move to the least loaded key when it goes; those that nobody uses are moved so that all keys have as many.
 */
export class AffinityTable {
  readonly #config: AffinityConfig;
  #buckets: Bucket[] = [];
  #usable: ReadonlySet<string> = new Set();
  #version = 0;

  constructor(config: AffinityConfig) {
    this.#config = config;
    this.#buckets = Array.from({ length: config.minBuckets }, newBucket);
  }

  get size(): number {
    return this.#buckets.length;
  }

  keyOf(bucket: number): string | undefined {
    return this.#buckets[bucket]?.keyId;
  }

  /** A turn of a conversation went to this bucket's key. */
  touch(bucket: number, nowMs: number): void {
    const found = this.#buckets[bucket];
    if (found === undefined) return;
    found.usedAtMs = Math.max(found.usedAtMs, nowMs);
    found.homeId = undefined;
  }

  /** For a holder that has nothing, or has missed something. */
  snapshot(): AffinityDelta {
    const all = new Map(this.#buckets.map(({ keyId }, bucket) => [bucket, keyId] as const));
    return toDelta(all, { from: undefined, version: this.#version, buckets: this.size });
  }

  /**
   * The keys that can be used now, and which of them took the place of which (new -> old). To be called when they
   * change, and from time to time, since buckets fall out of use. Undefined: nothing moved.
   */
  update(
    usable: Iterable<string>,
    nowMs: number,
    replaced: ReadonlyMap<string, string> = new Map(),
  ): AffinityDelta | undefined {
    this.#usable = new Set(usable);
    const grown = this.#grow();
    const before = this.#buckets.map(({ keyId }) => keyId);
    const heirs = new Map([...replaced].map(([heir, old]) => [old, heir]));
    const isUsed = ({ usedAtMs }: Bucket): boolean => usedAtMs + this.#config.stickyMs > nowMs;
    this.#inherit(heirs);
    const [used, unused] = partition(this.#buckets, isUsed);
    this.#settleUsed(used);
    this.#even(used, unused);
    if (grown) {
      this.#version += 1;
      return this.snapshot();
    }
    const changes = new Map(
      this.#buckets.flatMap(({ keyId }, bucket) => (keyId === before[bucket] ? [] : [[bucket, keyId] as const])),
    );
    if (changes.size === 0) return undefined;
    const from = this.#version;
    this.#version += 1;
    return toDelta(changes, { from, version: this.#version, buckets: this.size });
  }

  #grow(): boolean {
    const wanted = this.#usable.size * this.#config.minBucketsPerKey;
    const before = this.size;
    // each half says what the whole has said
    while (this.size < wanted) this.#buckets = [...this.#buckets, ...this.#buckets.map((bucket) => ({ ...bucket }))];
    return this.size > before;
  }

  /** A key that took another's place takes its conversations too. */
  #inherit(heirs: ReadonlyMap<string, string>): void {
    if (heirs.size === 0) return;
    const heirOf = (keyId: string | undefined): string | undefined =>
      keyId === undefined ? undefined : (heirs.get(keyId) ?? keyId);
    for (const bucket of this.#buckets) {
      bucket.keyId = heirOf(bucket.keyId);
      bucket.homeId = heirOf(bucket.homeId);
    }
  }

  #settleUsed(used: readonly Bucket[]): void {
    const homeless: Bucket[] = [];
    const load = new Map([...this.#usable].map((id) => [id, 0]));
    for (const bucket of used) {
      const { keyId, homeId } = bucket;
      // its conversations have not had a turn since their key went, so for them it never did
      if (homeId !== undefined && this.#usable.has(homeId)) {
        bucket.keyId = homeId;
        bucket.homeId = undefined;
      } else if (keyId === undefined || !this.#usable.has(keyId)) {
        bucket.homeId ??= keyId;
        homeless.push(bucket);
        continue;
      }
      const id = bucket.keyId;
      if (id !== undefined) load.set(id, (load.get(id) ?? 0) + 1);
    }
    if (homeless.length === 0) return;
    const candidates = new LeastLoaded(load);
    for (const bucket of homeless) bucket.keyId = candidates.take();
  }

  /** Every key gets as many buckets as every other, as far as those go that nobody uses. */
  #even(used: readonly Bucket[], unused: readonly Bucket[]): void {
    const keys = new Map([...this.#usable].map((id) => [id, { used: 0, total: 0 }]));
    for (const { keyId } of used) count(keys, keyId, 1);
    for (const { keyId } of unused) count(keys, keyId, 0);
    const quotas = evenQuotas(keys, this.size);
    const kept = new Map([...keys].map(([id, { used: own }]) => [id, own]));
    const free: Bucket[] = [];
    for (const bucket of unused) {
      bucket.homeId = undefined;
      const has = bucket.keyId === undefined ? undefined : kept.get(bucket.keyId);
      if (bucket.keyId === undefined || has === undefined || has >= (quotas.get(bucket.keyId) ?? 0)) free.push(bucket);
      else kept.set(bucket.keyId, has + 1);
    }
    let next = 0;
    for (const [id, has] of kept) {
      const until = next + Math.max(0, (quotas.get(id) ?? 0) - has);
      for (; next < until; next += 1) give(free[next], id);
    }
    for (; next < free.length; next += 1) give(free[next], undefined);
  }
}

function newBucket(): Bucket {
  return { keyId: undefined, usedAtMs: -Infinity, homeId: undefined };
}

function give(bucket: Bucket | undefined, keyId: string | undefined): void {
  if (bucket !== undefined) bucket.keyId = keyId;
}

function count(keys: Map<string, { used: number; total: number }>, keyId: string | undefined, used: 0 | 1): void {
  const key = keyId === undefined ? undefined : keys.get(keyId);
  if (key === undefined) return;
  key.used += used;
  key.total += 1;
}

function partition<T>(all: readonly T[], test: (one: T) => boolean): [T[], T[]] {
  const groups: [T[], T[]] = [[], []];
  for (const one of all) groups[test(one) ? 0 : 1].push(one);
  return groups;
}
