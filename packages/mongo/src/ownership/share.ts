/** Who owns an id, as `owners` had it at the last look. */
export interface OwnerView {
  readonly id: string;
  /** Empty where nobody is. */
  readonly holder: string;
  readonly address: string;
  readonly term: number;
  /** By mongod's clock. */
  readonly isOver: boolean;
}

/** How many of `count` ids the one at `rank` among `members` is due: shares differ by one at most. */
export function shareOf(count: number, members: number, rank: number): number {
  return Math.floor(count / members) + (rank < count % members ? 1 : 0);
}

/** The list from `at` on, and then its beginning: processes that start together reach for different ids. */
export function startingAt<T>(list: readonly T[], at: number): readonly T[] {
  return [...list.slice(at), ...list.slice(0, at)];
}
