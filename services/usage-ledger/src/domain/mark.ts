/** Which events of one publisher and partition are in the books: all of 1..upTo, and those of `ahead`. */
export interface Mark {
  readonly upTo: bigint;
  /** Numbers above `upTo` + 1 that came before their predecessors; rising. */
  readonly ahead: readonly bigint[];
}

export const EMPTY_MARK: Mark = { upTo: 0n, ahead: [] };

/** The mark when these events are in the books as well; numbers may come in any order and again. */
export function advanceMark(mark: Mark, numbers: Iterable<bigint>): Mark {
  const ahead = new Set(mark.ahead);
  for (const number of numbers) if (number > mark.upTo) ahead.add(number);
  let { upTo } = mark;
  while (ahead.delete(upTo + 1n)) upTo += 1n;
  return { upTo, ahead: [...ahead].toSorted((a, b) => (a < b ? -1 : 1)) };
}
