/** Which events of one publisher and partition are in the books: all of 1..upTo, and those of `ahead`. */
export interface Mark {
  readonly upTo: bigint;
  /** What came before its predecessors: runs of numbers, rising, with gaps between them. */
  readonly ahead: readonly Run[];
}

/** All numbers from the first to the last. */
export interface Run {
  readonly first: bigint;
  readonly last: bigint;
}

export const EMPTY_MARK: Mark = { upTo: 0n, ahead: [] };

/** The mark when these events are in the books as well; numbers may come in any order and again. */
export function advanceMark(mark: Mark, numbers: Iterable<bigint>): Mark {
  let { upTo } = mark;
  const ahead: Run[] = [];
  const runs = [...mark.ahead, ...runsOf(numbers)];
  for (const run of runs.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = ahead.at(-1);
    if (run.first <= upTo + 1n) upTo = larger(upTo, run.last);
    else if (before === undefined || run.first > before.last + 1n) ahead.push(run);
    else ahead[ahead.length - 1] = { first: before.first, last: larger(before.last, run.last) };
  }
  return { upTo, ahead };
}

/** Whether the event is in the books. */
export function isMarked({ upTo, ahead }: Mark, number: bigint): boolean {
  return number <= upTo || ahead.some(({ first, last }) => first <= number && number <= last);
}

/** Numbers that follow each other, as they nearly always do, taken together. */
function runsOf(numbers: Iterable<bigint>): readonly Run[] {
  const runs: { first: bigint; last: bigint }[] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && number === run.last + 1n) run.last = number;
    else runs.push({ first: number, last: number });
  }
  return runs;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
