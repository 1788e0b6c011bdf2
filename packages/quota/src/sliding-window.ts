import { EXACT_BUCKETS, OWNER_BUCKET_MS, WINDOW_MS } from './timing.ts';

interface Bucket {
  readonly firstMs: number;
  /** The latest use in it; until this has left the window, all of it counts. */
  lastMs: number;
  amount: number;
}

/** How much was used in the last minute, never less than the truth. */
export class SlidingWindow {
  /** By time; what is before `#first` has left the window. */
  #buckets: Bucket[] = [];
  #first = 0;
  #total = 0;

  add(atMs: number, amount: number): void {
    let index = this.#buckets.length;
    // Reports are at most seconds late, so the place is near the end.
    while (index > this.#first && (this.#buckets[index - 1]?.firstMs ?? 0) > atMs) index--;
    const before = index > this.#first ? this.#buckets[index - 1] : undefined;
    const widthMs = this.#buckets.length - this.#first < EXACT_BUCKETS ? 0 : OWNER_BUCKET_MS;
    if (before !== undefined && (atMs <= before.lastMs || atMs - before.firstMs < widthMs)) {
      before.amount += amount;
      before.lastMs = Math.max(before.lastMs, atMs);
    } else {
      this.#buckets.splice(index, 0, { firstMs: atMs, lastMs: atMs, amount });
    }
    this.#total += amount;
  }

  /** Takes back what was added as used at that time. */
  remove(atMs: number, amount: number): void {
    for (let index = this.#first; index < this.#buckets.length; index++) {
      const bucket = this.#buckets[index];
      if (bucket === undefined || atMs < bucket.firstMs || atMs > bucket.lastMs) continue;
      bucket.amount -= amount;
      this.#total -= amount;
      return;
    }
  }

  total(nowMs: number): number {
    for (;;) {
      const bucket = this.#buckets[this.#first];
      if (bucket === undefined || bucket.lastMs + WINDOW_MS > nowMs) break;
      this.#total -= bucket.amount;
      this.#first++;
    }
    if (this.#first > 64 && this.#first * 2 > this.#buckets.length) {
      this.#buckets = this.#buckets.slice(this.#first);
      this.#first = 0;
    }
    return this.#total;
  }

  /** When the oldest use leaves the window. */
  nextExpiryMs(nowMs: number): number {
    this.total(nowMs);
    const bucket = this.#buckets[this.#first];
    return bucket === undefined ? Infinity : bucket.lastMs + WINDOW_MS;
  }

  /** When at least `amount` of what counts now will have left the window; Infinity when there is not so much. */
  freeAtMs(amount: number): number {
    let freed = 0;
    for (let index = this.#first; index < this.#buckets.length; index++) {
      const bucket = this.#buckets[index];
      if (bucket === undefined) break;
      freed += bucket.amount;
      if (freed >= amount) return bucket.lastMs + WINDOW_MS;
    }
    return Infinity;
  }
}
