const MAX_BYTES = 10;
/** What seven bytes of seven bits stay below. */
const LOW_LIMIT = 2 ** 49;

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

  /** That many. */
  numbers(to: Float64Array, count: number): void {
    // as `number` does, without a field to write for each byte
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < count; index += 1) {
      let byte = bytes[at++] ?? 0;
      let value = byte & 0x7f;
      for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
        byte = bytes[at++] ?? 0;
        value += (byte & 0x7f) * scale;
      }
      to[index] = value;
    }
    this.#at = at;
  }

  /** Over that many, whatever they are. */
  skip(count: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let left = count; left > 0; left -= 1) while ((bytes[at++] ?? 0) >= 0x80);
    this.#at = at;
  }

  /** What `bigint` wrote, in two numbers: what is below 2^49, and how many times that. */
  amount(to: Float64Array, at: number): void {
    const bytes = this.#bytes;
    let next = this.#at;
    let byte = bytes[next++] ?? 0;
    let low = byte & 0x7f;
    for (let scale = 0x80; byte >= 0x80 && scale < LOW_LIMIT; scale *= 0x80) {
      byte = bytes[next++] ?? 0;
      low += (byte & 0x7f) * scale;
    }
    this.#at = next;
    to[at] = low;
    to[at + 1] = byte >= 0x80 ? this.number() : 0;
  }

  /** Goes over the next word if it is this one, of ASCII: many times as fast as to read it. */
  takes(word: string): boolean {
    const bytes = this.#bytes;
    const at = this.#at + 1;
    // of a longer one the first byte has its highest bit set
    if (word.length >= 0x80 || bytes[this.#at] !== word.length) return false;
    for (let index = 0; index < word.length; index += 1) if (bytes[at + index] !== word.charCodeAt(index)) return false;
    this.#at = at + word.length;
    return true;
  }

  word(): string {
    const length = this.number();
    const text = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, length).toString();
    this.#at += length;
    return text;
  }
}
