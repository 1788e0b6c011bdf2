const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;
const SPACE = 32;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const LOWER_N = 110;
const EMPTY = Buffer.alloc(0);

/** A member that matters, by its name and the number of objects and arrays around it. */
export interface ProbeKey {
  readonly name: string;
  readonly depth: number;
  /** `content`: a string that the client is given. `notable`: worth parsing the event for, unless it is null. */
  readonly role: 'content' | 'notable';
}

interface Candidate {
  readonly bytes: Buffer;
  readonly depth: number;
  readonly isContent: boolean;
}

type CandidatesByLength = readonly (readonly Candidate[])[];

const ANCHOR_BYTES = 20;
/** Streams whose events share no beginning are not worth remembering one. */
const MAX_MISSES = 16;

/**
 * Walks over one event's JSON without building it: is there content, how much, and anything worth a real parse?
 * Names written with escapes are not recognised; nobody writes them so.
 *
 * Events of one stream are alike up to their content, and from there to their last string (which may be padding). So
 * the walk remembers both stretches and goes on behind them. Of the first one only the last bytes are compared: with
 * their quotes they cannot be part of a string, so what follows is that content again; and whatever is notable before
 * it would have moved it.
 */
export class DeltaProbe {
  readonly #candidatesByLength: CandidatesByLength;
  /** What stands right before the content, where the content begins, and how deep. */
  #anchor = EMPTY;
  #contentOffset = 0;
  #contentDepth = 0;
  /** What stands between the content and the last string, or only up to that string where it is a name. */
  #middle = EMPTY;
  #middleDepth = 0;
  #endsInString = false;
  #misses = 0;
  /** Bytes of content strings, as they are on the wire. */
  contentBytes = 0;
  notable = false;
  /** Brackets and quotes close; nothing more is checked. */
  balanced = false;

  constructor(keys: readonly ProbeKey[]) {
    this.#candidatesByLength = candidatesOf(keys);
  }

  walk(bytes: Buffer, start: number, end: number): void {
    this.contentBytes = 0;
    this.notable = false;
    const anchor = this.#anchor;
    const valueStart = start + this.#contentOffset;
    if (anchor.length === 0 || !matches(bytes, valueStart - anchor.length, end, anchor)) {
      this.#walkFrom(bytes, start, end, start, 0, true);
      return;
    }
    this.#misses = 0;
    let position = stringEnd(bytes, valueStart, end);
    this.contentBytes = position++ - valueStart;
    let depth = this.#contentDepth;
    if (matches(bytes, position, end, this.#middle)) {
      position += this.#middle.length;
      depth = this.#middleDepth;
      if (this.#endsInString) position = stringEnd(bytes, position, end) + 1;
    }
    this.#walkFrom(bytes, start, end, position, depth, false);
  }

  #walkFrom(bytes: Buffer, start: number, end: number, from: number, fromDepth: number, learn: boolean): void {
    const candidatesByLength = this.#candidatesByLength;
    let contents = 0;
    let contentStart = 0;
    let contentEnd = 0;
    let contentDepth = 0;
    let lastStart = 0;
    let lastEnd = 0;
    let lastDepth = 0;
    let depth = fromDepth;
    let position = from;
    while (position < end) {
      const byte = bytes[position++];
      if (byte === QUOTE) {
        const nameStart = position;
        position = stringEnd(bytes, nameStart, end);
        const length = position++ - nameStart;
        lastStart = nameStart;
        lastEnd = position;
        lastDepth = depth;
        if (length >= candidatesByLength.length) continue;
        const candidate = pick(candidatesByLength[length], depth, bytes, nameStart);
        if (candidate === undefined) continue;
        while (bytes[position] === SPACE) position++;
        if (bytes[position] !== COLON) continue;
        position++;
        while (bytes[position] === SPACE) position++;
        if (!candidate.isContent) this.notable ||= bytes[position] !== LOWER_N;
        else if (bytes[position] === QUOTE) {
          contents++;
          contentDepth = depth;
          contentStart = ++position;
          contentEnd = stringEnd(bytes, contentStart, end);
          position = contentEnd + 1;
          this.contentBytes += contentEnd - contentStart;
        }
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    }
    this.balanced = depth === 0 && position === end && bytes[start] === OPEN_BRACE;
    if (!learn || contents !== 1 || this.notable || !this.balanced || this.#misses === MAX_MISSES) return;
    this.#misses++;
    this.#contentOffset = contentStart - start;
    this.#contentDepth = contentDepth;
    this.#anchor = Buffer.from(bytes.subarray(Math.max(start, contentStart - ANCHOR_BYTES), contentStart));
    const hasMiddle = lastStart > contentEnd;
    this.#endsInString = hasMiddle && bytes[lastEnd] !== COLON && bytes[lastEnd] !== SPACE;
    const middleEnd = this.#endsInString ? lastStart : lastStart - 1;
    this.#middle = hasMiddle ? Buffer.from(bytes.subarray(contentEnd + 1, middleEnd)) : EMPTY;
    this.#middleDepth = hasMiddle ? lastDepth : contentDepth;
  }
}

const candidatesByKeys = new WeakMap<readonly ProbeKey[], CandidatesByLength>();

/** Once for all streams that look for the same. */
function candidatesOf(keys: readonly ProbeKey[]): CandidatesByLength {
  const known = candidatesByKeys.get(keys);
  if (known !== undefined) return known;
  const longest = Math.max(...keys.map(({ name }) => name.length));
  const candidates = Array.from({ length: longest + 1 }, (_, length) =>
    keys
      .filter(({ name }) => name.length === length)
      .map(({ name, depth, role }) => ({ bytes: Buffer.from(name), depth, isContent: role === 'content' })),
  );
  candidatesByKeys.set(keys, candidates);
  return candidates;
}

/** Where the closing quote is; beyond `end` when there is none. */
function stringEnd(bytes: Buffer, from: number, end: number): number {
  let position = from;
  while (position < end) {
    const byte = bytes[position];
    if (byte === QUOTE) return position;
    position += byte === BACKSLASH ? 2 : 1;
  }
  return end + 1;
}

function pick(
  candidates: readonly Candidate[] | undefined,
  depth: number,
  bytes: Buffer,
  from: number,
): Candidate | undefined {
  if (candidates === undefined) return undefined;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i];
    if (candidate?.depth === depth && matches(bytes, from, bytes.length, candidate.bytes)) return candidate;
  }
  return undefined;
}

function matches(bytes: Buffer, from: number, end: number, expected: Buffer): boolean {
  const length = expected.length;
  if (from + length > end) return false;
  for (let i = 0; i < length; i++) if (bytes[from + i] !== expected[i]) return false;
  return true;
}
