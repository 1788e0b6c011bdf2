import type { AffinityDelta } from './affinity-delta.ts';
import { bucketOf } from './affinity-delta.ts';

/** A holder's copy of the bucket table. */
export class AffinityView {
  #keys: (string | undefined)[] = [];
  #version: number | undefined;

  /** How many buckets there are; 0 as long as nothing is known. */
  get size(): number {
    return this.#keys.length;
  }

  /** The key that conversations of this hash stay with; undefined where no key is usable, or nothing is known yet. */
  lookup(hash: number): string | undefined {
    return this.#keys[bucketOf(hash, this.#keys.length)];
  }

  /** `gap`: something in between was lost, so a snapshot is needed; `old`: known already. */
  applyDelta(delta: AffinityDelta): 'applied' | 'old' | 'gap' {
    if (delta.from === undefined) this.#keys = Array.from({ length: delta.buckets });
    else if (this.#version !== undefined && delta.version <= this.#version) return 'old';
    else if (delta.from !== this.#version || delta.buckets !== this.#keys.length) return 'gap';
    for (const { keyId, buckets } of delta.moves) for (const bucket of buckets) this.#keys[bucket] = keyId;
    this.#version = delta.version;
    return 'applied';
  }
}
