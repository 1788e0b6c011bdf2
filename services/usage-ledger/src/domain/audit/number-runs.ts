import type { Run } from '../mark.ts';

/** A set of whole numbers, kept as runs: what comes in order takes the place of one number. */
export class NumberRuns {
  readonly #runs: Run[] = [];

  constructor(runs: Iterable<Run> = []) {
    for (const run of runs) this.addRun(run);
  }

  /** Rising, with gaps between them. */
  get runs(): readonly Run[] {
    return this.#runs;
  }

  /** False where it was there already. */
  add(number: bigint): boolean {
    if (this.has(number)) return false;
    this.addRun({ first: number, last: number });
    return true;
  }

  has(number: bigint): boolean {
    const run = this.#runs[this.#firstEndingAt(number)];
    return run !== undefined && run.first <= number;
  }

  addRun({ first, last }: Run): void {
    if (last < first) return;
    // what touches it becomes one with it
    const from = this.#firstEndingAt(first - 1n);
    let to = from;
    let merged = { first, last };
    for (let run = this.#runs[to]; run !== undefined && run.first <= last + 1n; run = this.#runs[++to])
      merged = { first: smaller(merged.first, run.first), last: larger(merged.last, run.last) };
    this.#runs.splice(from, to - from, merged);
  }

  /** Those of first..last that are not here. */
  holes({ first, last }: Run): readonly Run[] {
    const holes: Run[] = [];
    let next = first;
    for (let at = this.#firstEndingAt(first); next <= last; at += 1) {
      const run = this.#runs[at];
      if (run === undefined || run.first > last) {
        holes.push({ first: next, last });
        break;
      }
      if (run.first > next) holes.push({ first: next, last: run.first - 1n });
      next = larger(next, run.last + 1n);
    }
    return holes;
  }

  /** The place of the first run that ends there or later. */
  #firstEndingAt(number: bigint): number {
    // numbers come in their order, nearly
    const last = this.#runs.at(-1);
    if (last === undefined || last.last < number) return this.#runs.length;
    let [low, high] = [0, this.#runs.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle]?.last ?? 0n) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function countOf(runs: readonly Run[]): number {
  return runs.reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0);
}

/** `3, 5..7`; of many only the first ones. */
export function describeRuns(runs: readonly Run[]): string {
  const named = runs.slice(0, 5).map(({ first, last }) => (first === last ? String(first) : `${first}..${last}`));
  return runs.length > named.length ? `${named.join(', ')} and more` : named.join(', ');
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
