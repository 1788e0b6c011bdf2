import type { Dimension } from './dimensions.ts';
import type { Use } from './messages.ts';
import { EXACT_BUCKETS, HOLDER_BUCKET_MS, WINDOW_MS } from './timing.ts';

interface Entry {
  readonly firstMs: number;
  /** Dated by the last use: a younger age only makes the owner count it longer. */
  lastMs: number;
  amount: number;
  /** The message that reported it; 0 when none did. */
  ref: number;
}

/** What a holder used of one dimension of one scope in the last minute: a new owner has to be told all of it. */
export class UseLog {
  #entries: Entry[] = [];
  #first = 0;
  /** Entries from here on were not reported. */
  #unreported = 0;

  add(nowMs: number, amount: number): void {
    this.#prune(nowMs);
    const last = this.#entries.at(-1);
    const widthMs = this.#entries.length - this.#first < EXACT_BUCKETS ? 0 : HOLDER_BUCKET_MS;
    if (last?.ref === 0 && this.#first < this.#entries.length && nowMs - last.firstMs <= widthMs) {
      last.amount += amount;
      last.lastMs = nowMs;
    } else {
      this.#entries.push({ firstMs: nowMs, lastMs: nowMs, amount, ref: 0 });
    }
  }

  /** What no message reported, which `ref` does now. */
  report(dimension: Dimension, nowMs: number, ref: number): Use[] {
    return this.#declare(dimension, { nowMs, ref, from: Math.max(this.#unreported, this.#first) });
  }

  /** What was not reported by a message up to `seen`; `ref` does now. */
  reportUnseen(dimension: Dimension, nowMs: number, refs: { readonly seen: number; readonly ref: number }): Use[] {
    this.#prune(nowMs);
    let from = this.#first;
    for (; from < this.#entries.length; from++) {
      const entry = this.#entries[from];
      if (entry === undefined || entry.ref === 0 || entry.ref > refs.seen) break;
    }
    return this.#declare(dimension, { nowMs, ref: refs.ref, from });
  }

  /** Used in the last minute. */
  total(nowMs: number): number {
    this.#prune(nowMs);
    let total = 0;
    for (let index = this.#first; index < this.#entries.length; index++) total += this.#entries[index]?.amount ?? 0;
    return total;
  }

  isEmpty(nowMs: number): boolean {
    this.#prune(nowMs);
    return this.#first === this.#entries.length;
  }

  #declare(dimension: Dimension, options: { readonly nowMs: number; readonly ref: number; from: number }): Use[] {
    const uses: Use[] = [];
    for (let index = options.from; index < this.#entries.length; index++) {
      const entry = this.#entries[index];
      if (entry === undefined) break;
      entry.ref = options.ref;
      uses.push({ dimension, ageMs: Math.max(0, options.nowMs - entry.lastMs), amount: entry.amount });
    }
    this.#unreported = this.#entries.length;
    return uses;
  }

  #prune(nowMs: number): void {
    for (;;) {
      const entry = this.#entries[this.#first];
      if (entry === undefined || entry.lastMs + WINDOW_MS > nowMs) break;
      this.#first++;
    }
    if (this.#first > 64 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#unreported = Math.max(0, this.#unreported - this.#first);
      this.#first = 0;
    }
  }
}
