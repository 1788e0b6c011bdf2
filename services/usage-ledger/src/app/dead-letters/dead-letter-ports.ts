import type { Position } from '../ports.ts';
import type { TimeCursor } from '../time-cursor.ts';

/** An event that was not charged, as it is kept. */
export interface StoredLetter {
  readonly id: string;
  readonly partition: number;
  readonly reason: string;
  readonly payload: Uint8Array;
  readonly at: Date;
}

export interface LetterQuery {
  /** Part of it. */
  readonly reason: string;
  readonly partition: number | undefined;
  readonly from: Date | undefined;
  readonly to: Date | undefined;
}

export interface DeadLetterStore {
  /** Newest first. */
  list: (
    query: LetterQuery & { readonly limit: number; readonly before: TimeCursor | undefined },
  ) => Promise<readonly StoredLetter[]>;
  find: (ids: readonly string[]) => Promise<readonly StoredLetter[]>;
  all: () => AsyncIterable<readonly StoredLetter[]>;
  countByReason: () => Promise<ReadonlyMap<string, number>>;
  remove: (ids: readonly string[]) => Promise<void>;
  /** Up to where the partition is charged. */
  position: (partition: number) => Promise<Position | undefined>;
}

/** The stream that is charged from. */
export interface EventStream {
  /** Stored when it returns, at this position; `unavailable` where that is not certain. */
  publish: (partition: number, events: readonly Uint8Array[]) => Promise<Position>;
}
