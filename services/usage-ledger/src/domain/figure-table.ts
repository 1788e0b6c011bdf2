import { COUNTS, NO_FAILURES, type Figures } from './figures.ts';

/** Of a table: counts in their order, then costs and list costs, each in two columns. */
export const COST = COUNTS.length;
export const LIST_COST = COST + 2;
export const COLUMNS = LIST_COST + 2;
/** An amount of money is a number below this, and in the column behind it how many times this. */
const HIGH_BITS_FROM = 2 ** 49;
/** Low parts of amounts are exact up to 2^53. */
const MAX_LOW = 2 ** 52;
const FIRST_SLOTS = 64;

/** Sums of many groups, each in a slot: where thousands of cells are added up, objects take several times as long. */
export class FigureTable {
  #numbers = new Float64Array(FIRST_SLOTS * COLUMNS);
  #slots = 0;
  /** Of each kind of failures, how many by slot. */
  readonly #failures: { readonly kind: string; bySlot: Float64Array }[] = [];

  newSlot(): number {
    const slot = this.#slots++;
    if (this.#slots * COLUMNS > this.#numbers.length) this.#numbers = grown(this.#numbers, 2 * this.#numbers.length);
    return slot;
  }

  /** A row of columns. */
  add(slot: number, row: Float64Array): void {
    const numbers = this.#numbers;
    const at = slot * COLUMNS;
    for (let column = 0; column < COLUMNS; column += 1)
      numbers[at + column] = (numbers[at + column] ?? 0) + (row[column] ?? 0);
    carry(numbers, at + COST);
    carry(numbers, at + LIST_COST);
  }

  /** What the table calls a kind of failures. */
  kindOf(name: string): number {
    const known = this.findKind((kind) => kind === name);
    return known === -1 ? this.#failures.push({ kind: name, bySlot: new Float64Array(FIRST_SLOTS) }) - 1 : known;
  }

  /** The same of one that it has; -1 where it is none of them. */
  findKind(isIt: (name: string) => boolean): number {
    return this.#failures.findIndex(({ kind }) => isIt(kind));
  }

  addFailures(slot: number, kind: number, count: number): void {
    const failures = this.#failures[kind];
    if (failures === undefined) throw new RangeError(`there is no kind ${kind} of failures`);
    if (slot >= failures.bySlot.length) failures.bySlot = grown(failures.bySlot, 2 * slot);
    failures.bySlot[slot] = (failures.bySlot[slot] ?? 0) + count;
  }

  figuresOf(slot: number): Figures {
    const numbers = this.#numbers;
    const at = slot * COLUMNS;
    return {
      requests: numbers[at] ?? 0,
      successes: numbers[at + 1] ?? 0,
      input: numbers[at + 2] ?? 0,
      output: numbers[at + 3] ?? 0,
      cacheWrite5m: numbers[at + 4] ?? 0,
      cacheWrite1h: numbers[at + 5] ?? 0,
      cacheRead: numbers[at + 6] ?? 0,
      latencyMs: numbers[at + 7] ?? 0,
      firstTokens: numbers[at + 8] ?? 0,
      firstTokenMs: numbers[at + 9] ?? 0,
      costNanoUsd: amountAt(numbers, at + COST),
      listCostNanoUsd: amountAt(numbers, at + LIST_COST),
      failures: this.#failuresOf(slot),
    };
  }

  #failuresOf(slot: number): Figures['failures'] {
    let failures = NO_FAILURES;
    for (const { kind, bySlot } of this.#failures) {
      const count = bySlot[slot] ?? 0;
      if (count === 0) continue;
      if (failures === NO_FAILURES) failures = new Map();
      failures.set(kind, count);
    }
    return failures;
  }
}

export function amountAt(numbers: Float64Array, at: number): bigint {
  const [low, high] = [numbers[at] ?? 0, numbers[at + 1] ?? 0];
  return high === 0 ? BigInt(low) : BigInt(high) * BigInt(HIGH_BITS_FROM) + BigInt(low);
}

export function putAmount(numbers: Float64Array, at: number, amount: number | bigint): void {
  const isSmall = amount < HIGH_BITS_FROM;
  numbers[at] = Number(isSmall ? amount : BigInt(amount) % BigInt(HIGH_BITS_FROM));
  numbers[at + 1] = isSmall ? 0 : Number(BigInt(amount) / BigInt(HIGH_BITS_FROM));
}

function carry(numbers: Float64Array, at: number): void {
  const low = numbers[at] ?? 0;
  if (low < MAX_LOW) return;
  numbers[at] = low % HIGH_BITS_FROM;
  numbers[at + 1] = (numbers[at + 1] ?? 0) + Math.floor(low / HIGH_BITS_FROM);
}

function grown(numbers: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length);
  larger.set(numbers);
  return larger;
}
