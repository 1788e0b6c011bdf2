import type { SentUsage } from './answer.ts';
import { seededRandom } from './ids.ts';
import type { Scenario } from './scenario.ts';

/** What the books may note once a write has been made: the parts whose last byte it carried. */
export interface Credit {
  readonly output: number;
  readonly reasoning: number;
  readonly usages: readonly SentUsage[];
}

export interface Write {
  readonly bytes: Buffer;
  readonly credit: Credit;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly credit: Credit;
}

export const NO_CREDIT: Credit = { output: 0, reasoning: 0, usages: [] };

/** Gathers the bytes of parts into writes of the wanted sizes, and keeps each part's credit with its last byte. */
export class Chunker {
  readonly #nextSize: (() => number) | null;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #target: number;

  constructor(shape: Scenario['chunks']) {
    this.#nextSize = sizesOf(shape);
    this.#target = this.#nextSize?.() ?? 0;
  }

  /** The writes that became whole by this part. */
  push(bytes: Buffer, credit: Credit): Write[] {
    if (this.#nextSize === null) return [{ bytes, credit }];
    this.#waiting.push({ bytes, credit });
    this.#waitingBytes += bytes.length;
    const writes: Write[] = [];
    while (this.#waitingBytes >= this.#target) writes.push(this.#take(this.#target));
    return writes;
  }

  /** What is left, as one write: before a pause, and at the end. */
  flush(): Write | null {
    return this.#waiting.length === 0 ? null : this.#take(this.#waitingBytes);
  }

  #take(sizeBytes: number): Write {
    const taken: Buffer[] = [];
    let credit = NO_CREDIT;
    let missing = sizeBytes;
    let used = 0;
    for (const part of this.#waiting) {
      if (part.bytes.length > missing) break;
      missing -= part.bytes.length;
      used += 1;
      taken.push(part.bytes);
      credit = addCredit(credit, part.credit);
    }
    const rest = this.#waiting.slice(used);
    const [split, ...others] = rest;
    if (missing > 0 && split !== undefined) {
      taken.push(split.bytes.subarray(0, missing));
      rest.splice(0, rest.length, { ...split, bytes: split.bytes.subarray(missing) }, ...others);
    }
    this.#waiting = rest;
    this.#waitingBytes -= sizeBytes;
    this.#target = this.#nextSize?.() ?? 0;
    return { bytes: Buffer.concat(taken), credit };
  }
}

function addCredit(a: Credit, b: Credit): Credit {
  return { output: a.output + b.output, reasoning: a.reasoning + b.reasoning, usages: [...a.usages, ...b.usages] };
}

function sizesOf(shape: Scenario['chunks']): (() => number) | null {
  if (shape === 'event') return null;
  if (shape === 'one') return () => Number.POSITIVE_INFINITY;
  if ('bytes' in shape) return () => shape.bytes;
  const random = seededRandom(shape.randomSeed);
  return () => 1 + Math.floor(random() * shape.maxBytes);
}
