const MAX_BYTES = 10;

/** Whole numbers that are not negative, each in as few bytes of seven bits as it needs; and words. */
export class PackedWriter {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;

  number(value: number): void {
    this.#reserve(MAX_BYTES);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  bigint(value: bigint): void {
    if (value <= Number.MAX_SAFE_INTEGER) {
      this.number(Number(value));
      return;
    }
    this.#reserve(MAX_BYTES);
    let rest = value;
    while (rest >= 0x80n) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  word(text: string): void {
    const bytes = Buffer.from(text);
    this.number(bytes.length);
    this.#reserve(bytes.length);
    this.#length += bytes.copy(this.#bytes, this.#length);
  }

  finish(): Uint8Array {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + count));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** What a PackedWriter wrote, in the same order. */
export class PackedReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#bytes[this.#at++] ?? 0;
      if (byte < 0x80) return value + byte * scale;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    }
  }

  /** What `bigint` wrote: a number where it is less than 2^49, which is many times as fast. */
  integer(): number | bigint {
    let end = this.#at;
    while ((this.#bytes[end] ?? 0) >= 0x80) end += 1;
    if (end - this.#at < 7) return this.number();
    let value = 0n;
    for (let at = end; at >= this.#at; at -= 1) value = (value << 7n) | BigInt((this.#bytes[at] ?? 0) & 0x7f);
    this.#at = end + 1;
    return value;
  }

  word(): string {
    const length = this.number();
    const text = Buffer.from(this.#bytes.subarray(this.#at, this.#at + length)).toString();
    this.#at += length;
    return text;
  }
}
