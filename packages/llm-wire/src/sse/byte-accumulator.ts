const INITIAL_BYTES = 512;
/** A buffer that grew beyond this for one big event is not kept for the small ones after it. */
const KEEP_BYTES = 65_536;

/** Gathers byte ranges of any size without an object for each; its user bounds it. */
export class ByteAccumulator {
  #buffer: Buffer = Buffer.alloc(0);
  length = 0;

  append(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.length + end - start;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2, INITIAL_BYTES));
      grown.set(this.#buffer.subarray(0, this.length));
      this.#buffer = grown;
    }
    this.#buffer.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.length);
    this.length = needed;
  }

  /** What was gathered, without a copy: valid until the next append. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  /** What was gathered, as the caller's own. */
  take(): Buffer {
    const taken = this.view();
    this.#buffer = Buffer.alloc(0);
    this.length = 0;
    return taken;
  }

  clear(): void {
    this.length = 0;
    if (this.#buffer.length > KEEP_BYTES) this.#buffer = Buffer.alloc(0);
  }
}
