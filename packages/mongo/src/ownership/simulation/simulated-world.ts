/** Things that happen at simulated moments, in their order; everything that is left to chance comes from the seed. */
export class SimulatedWorld {
  nowMs = 0;
  readonly #random: () => number;
  readonly #queue: { readonly atMs: number; readonly order: number; readonly happen: () => void }[] = [];
  #order = 0;

  constructor(seed: number) {
    this.#random = mulberry32(seed);
  }

  between(from: number, to: number): number {
    return from + this.#random() * (to - from);
  }

  happensWith(probability: number): boolean {
    return this.#random() < probability;
  }

  after(ms: number, happen: () => void): void {
    const entry = { atMs: this.nowMs + ms, order: (this.#order += 1), happen };
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#queue[middle];
      if (other !== undefined && other.atMs > entry.atMs) low = middle + 1;
      else high = middle;
    }
    // the earliest stands at the end, and of two at one moment the older one
    this.#queue.splice(low, 0, entry);
  }

  runUntil(endMs: number): void {
    for (let next = this.#queue.at(-1); next !== undefined && next.atMs <= endMs; next = this.#queue.at(-1)) {
      this.#queue.pop();
      this.nowMs = next.atMs;
      next.happen();
    }
    this.nowMs = endMs;
  }
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
