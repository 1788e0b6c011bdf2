/** Of BSON 1.1, as https://bsonspec.org/spec.html numbers them. */
const TYPE = { double: 0x01, text: 0x02, document: 0x03, binary: 0x05, date: 0x09, int32: 0x10, int64: 0x12 } as const;
const INT32_BYTES = 4;
const INT64_BYTES = 8;
/** Below 2^53, less its lower 32 bits. */
const MAX_HIGH = 2 ** 21;

/**
 * Walks through a document as the server sent it, field by field. Where thousands of documents are only added up, making
 * objects of them takes longer than all the rest.
 */
export class BsonFields {
  readonly #bytes: Buffer;
  #type = 0;
  /** Where the field's name begins, where its value does, and where the next field does. */
  #nameAt = 0;
  #at: number;
  #next: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
    this.#next = at + INT32_BYTES;
  }

  get name(): string {
    return this.#bytes.toString('utf8', this.#nameAt, this.#at - 1);
  }

  /** Goes to the next field; false where there is none. */
  next(): boolean {
    const bytes = this.#bytes;
    this.#type = bytes[this.#next] ?? 0;
    if (this.#type === 0) return false;
    this.#nameAt = this.#next + 1;
    this.#at = this.#nameAt;
    while (bytes[this.#at++] !== 0);
    this.#next = this.#at + this.#valueBytes();
    return true;
  }

  /** Whether it has this name, of ASCII: many times as fast as to have its name. */
  is(name: string): boolean {
    if (name.length !== this.#at - 1 - this.#nameAt) return false;
    for (let index = 0; index < name.length; index += 1)
      if (this.#bytes[this.#nameAt + index] !== name.charCodeAt(index)) return false;
    return true;
  }

  text(): string {
    this.#expect(TYPE.text);
    return this.#bytes.toString('utf8', this.#at + INT32_BYTES, this.#next - 1);
  }

  binary(): Uint8Array {
    this.#expect(TYPE.binary);
    return this.#bytes.subarray(this.#at + INT32_BYTES + 1, this.#next);
  }

  timeMs(): number {
    this.#expect(TYPE.date);
    return Number(this.#int64());
  }

  number(): number | bigint {
    if (this.#type === TYPE.int32) return this.#bytes.readInt32LE(this.#at);
    if (this.#type === TYPE.double) return this.#bytes.readDoubleLE(this.#at);
    this.#expect(TYPE.int64);
    return this.#int64();
  }

  /** Its fields, where it is a document. */
  fields(): BsonFields | undefined {
    return this.#type === TYPE.document ? new BsonFields(this.#bytes, this.#at) : undefined;
  }

  #valueBytes(): number {
    switch (this.#type) {
      case TYPE.text:
        return INT32_BYTES + this.#bytes.readInt32LE(this.#at);
      case TYPE.binary:
        return INT32_BYTES + 1 + this.#bytes.readInt32LE(this.#at);
      case TYPE.document:
        return this.#bytes.readInt32LE(this.#at);
      case TYPE.int32:
        return INT32_BYTES;
      case TYPE.double:
      case TYPE.date:
      case TYPE.int64:
        return INT64_BYTES;
      default:
        throw new RangeError(`the field ${this.name} is of type ${this.#type}, which no rollup has`);
    }
  }

  /** A number where that is exact: it is many times as fast. */
  #int64(): number | bigint {
    const high = this.#bytes.readInt32LE(this.#at + INT32_BYTES);
    return high >= -MAX_HIGH && high < MAX_HIGH
      ? high * 2 ** 32 + this.#bytes.readUInt32LE(this.#at)
      : this.#bytes.readBigInt64LE(this.#at);
  }

  #expect(type: number): void {
    if (this.#type !== type) throw new RangeError(`the field ${this.name} is of type ${this.#type}, not ${type}`);
  }
}
