const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const MINUS = 45;
const PLUS = 43;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const LOWER_U = 117;
/** Deeper than any schema of a tool. */
const MAX_DEPTH = 512;

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export type JsonFaultReason =
  | 'not_an_object'
  | 'unexpected_end'
  | 'unexpected_byte'
  | 'bad_string'
  | 'bad_number'
  | 'too_deep'
  | 'trailing_bytes'
  | 'wrong_type';

/** Thrown by the cursor, and never beyond this package. */
export class JsonFaultError extends Error {
  readonly reason: JsonFaultReason;
  readonly offset: number;

  constructor(reason: JsonFaultReason, offset: number, message: string = reason) {
    super(message);
    this.reason = reason;
    this.offset = offset;
  }
}

/**
 * Walks over JSON bytes without building values. What it accepts, JSON.parse accepts too; it refuses a BOM, nesting
 * beyond a bound, and nothing else that JSON.parse takes. Bytes that are no UTF-8 pass inside of strings.
 */
export class JsonCursor {
  readonly bytes: Buffer;
  readonly #words: DataView;
  readonly #onString: (bytes: Buffer, start: number, end: number) => void;
  /** The closing byte of each object and array around the position. */
  readonly #closers: number[] = [];
  position = 0;

  /** @param onString is shown each string, names of members included, quotes included */
  constructor(body: Uint8Array, onString: (bytes: Buffer, start: number, end: number) => void) {
    this.#onString = onString;
    this.bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
    this.#words = new DataView(body.buffer, body.byteOffset, body.length);
  }

  /** The byte of the next token; undefined at the end. */
  peek(): number | undefined {
    const { bytes } = this;
    let position = this.position;
    let byte = bytes[position];
    while (byte === 32 || byte === 10 || byte === 13 || byte === 9) byte = bytes[++position];
    this.position = position;
    return byte;
  }

  /** Visits each member of the object here. The visitor stands at the value and has to walk over it. */
  members(visit: (name: ByteRange) => void): void {
    this.#open(OPEN_BRACE, CLOSE_BRACE);
    if (this.peek() !== CLOSE_BRACE) {
      do {
        visit(this.#memberName());
      } while (this.#another());
    }
    this.#close();
  }

  /** Visits each element of the array here; as for members. */
  elements(visit: () => void): void {
    this.#open(OPEN_BRACKET, CLOSE_BRACKET);
    if (this.peek() !== CLOSE_BRACKET) {
      do {
        this.peek();
        visit();
      } while (this.#another());
    }
    this.#close();
  }

  /** Walks over the value here, whatever it is, and answers where it was. */
  skipValue(): ByteRange {
    const closers = this.#closers;
    const floor = closers.length;
    let byte = this.peek();
    const start = this.position;
    for (;;) {
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        const isObject = byte === OPEN_BRACE;
        this.#open(byte, isObject ? CLOSE_BRACE : CLOSE_BRACKET);
        byte = this.peek();
        if (byte !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
          if (isObject) {
            this.#memberName();
            byte = this.peek();
          }
          continue;
        }
        this.#close();
      } else this.#skipScalar(byte);

      while (closers.length > floor && !this.#another()) this.#close();
      if (closers.length === floor) return { start, end: this.position };
      if (closers.at(-1) === CLOSE_BRACE) this.#memberName();
      byte = this.peek();
    }
  }

  fail(reason: JsonFaultReason): never {
    throw new JsonFaultError(this.position >= this.bytes.length ? 'unexpected_end' : reason, this.position);
  }

  #open(opener: number, closer: number): void {
    if (this.peek() !== opener) this.fail('unexpected_byte');
    if (this.#closers.length === MAX_DEPTH) this.fail('too_deep');
    this.#closers.push(closer);
    this.position++;
  }

  #close(): void {
    if (this.peek() !== this.#closers.at(-1)) this.fail('unexpected_byte');
    this.#closers.pop();
    this.position++;
  }

  /** Walks over a comma, if one comes next. */
  #another(): boolean {
    if (this.peek() !== COMMA) return false;
    this.position++;
    return true;
  }

  #memberName(): ByteRange {
    if (this.peek() !== QUOTE) this.fail('unexpected_byte');
    const start = this.position;
    this.#skipString();
    const end = this.position;
    if (this.peek() !== COLON) this.fail('unexpected_byte');
    this.position++;
    return { start, end };
  }

  #skipScalar(byte: number | undefined): void {
    if (byte === QUOTE) this.#skipString();
    else if (byte === 116) this.#skipLiteral(TRUE);
    else if (byte === 102) this.#skipLiteral(FALSE);
    else if (byte === 110) this.#skipLiteral(NULL);
    else this.#skipNumber(byte);
  }

  #skipLiteral(literal: Buffer): void {
    for (const byte of literal) {
      if (this.bytes[this.position] !== byte) this.fail('unexpected_byte');
      this.position++;
    }
  }

  #skipNumber(first: number | undefined): void {
    if (first === MINUS) this.position++;
    if (this.bytes[this.position] === ZERO) this.position++;
    else this.#skipDigits(first === MINUS ? 'bad_number' : 'unexpected_byte');
    if (this.bytes[this.position] === DOT) {
      this.position++;
      this.#skipDigits('bad_number');
    }
    const byte = this.bytes[this.position];
    if (byte === 101 || byte === 69) {
      const sign = this.bytes[++this.position];
      if (sign === MINUS || sign === PLUS) this.position++;
      this.#skipDigits('bad_number');
    }
  }

  #skipDigits(reason: JsonFaultReason): void {
    const from = this.position;
    for (;;) {
      const byte = this.bytes[this.position];
      if (byte === undefined || byte < ZERO || byte > NINE) break;
      this.position++;
    }
    if (this.position === from) this.fail(reason);
  }

  #skipString(): void {
    const { bytes } = this;
    const words = this.#words;
    const lastWord = bytes.length - 4;
    let position = this.position + 1;
    for (;;) {
      // Four bytes at a time, as long as none of them is a quote, a backslash or a control character.
      while (position <= lastWord) {
        const word = words.getInt32(position, true);
        const quote = word ^ 0x22222222;
        const escape = word ^ 0x5c5c5c5c;
        const special =
          ((word - 0x20202020) & ~word) | ((quote - 0x01010101) & ~quote) | ((escape - 0x01010101) & ~escape);
        if ((special & 0x80808080) !== 0) break;
        position += 4;
      }
      // At most the four bytes that the check found something in; it errs on the safe side.
      for (let i = 0; i < 4; i++) {
        const byte = bytes[position];
        if (byte === QUOTE) {
          this.#onString(bytes, this.position, position + 1);
          this.position = position + 1;
          return;
        }
        if (byte === undefined || byte < 32) {
          this.position = position;
          this.fail('bad_string');
        }
        position += byte === BACKSLASH ? this.#escapeLength(position) : 1;
      }
    }
  }

  #escapeLength(position: number): number {
    const kind = this.bytes[position + 1];
    if (kind === LOWER_U) {
      for (let i = 2; i < 6; i++) if (!isHexDigit(this.bytes[position + i])) this.#failAt(position);
      return 6;
    }
    if (kind === undefined || IS_ESCAPE[kind] !== 1) this.#failAt(position);
    return 2;
  }

  #failAt(position: number): never {
    this.position = position;
    this.fail('bad_string');
  }
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');
const IS_ESCAPE = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) IS_ESCAPE[byte] = 1;

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 32;
  return (byte >= ZERO && byte <= NINE) || (lower >= 97 && lower <= 102);
}
