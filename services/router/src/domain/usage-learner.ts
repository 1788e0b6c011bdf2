/** What requests of a model usually come to. */
export interface UsualUse {
  /** Of input that counts by the minute: without what was read from a cache. */
  readonly inputPerByte: number;
  /** Nine of ten answers have no more. */
  readonly outputP90: number;
  /** The half of all answers have no more. */
  readonly outputP50: number;
}

export interface Used {
  readonly bodyBytes: number;
  readonly input: number;
  readonly output: number;
}

// text in and around English, and answers of some length, before anything is known
const FIRST: UsualUse = { inputPerByte: 0.25, outputP90: 1_024, outputP50: 512 };
/** One of so many requests changes what is usual by its whole difference. */
const MEMORY = 50;
const KEPT = 100;
const SORT_EVERY = 10;

/** Learns from what requests of one model came to. */
export class UsageLearner {
  #usual = FIRST;
  readonly #outputs: number[] = [];
  #next = 0;
  #sinceSorted = 0;

  get usual(): UsualUse {
    return this.#usual;
  }

  learn({ bodyBytes, input, output }: Used): void {
    const inputPerByte =
      this.#usual.inputPerByte + (input / Math.max(1, bodyBytes) - this.#usual.inputPerByte) / MEMORY;
    this.#outputs[this.#next] = output;
    this.#next = (this.#next + 1) % KEPT;
    this.#usual = { ...this.#usual, inputPerByte };
    this.#sinceSorted += 1;
    if (this.#sinceSorted < SORT_EVERY) return;
    this.#sinceSorted = 0;
    const rising = this.#outputs.toSorted((a, b) => a - b);
    const at = (share: number): number => rising[Math.min(rising.length - 1, Math.floor(share * rising.length))] ?? 0;
    this.#usual = { inputPerByte, outputP90: at(0.9), outputP50: at(0.5) };
  }
}
