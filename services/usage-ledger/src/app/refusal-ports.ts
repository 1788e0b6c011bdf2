import type { RefusalBatch, RefusalCount } from '../domain/refusal.ts';
import type { Position } from './ports.ts';
import type { TimeCursor } from './time-cursor.ts';

/** The counts of refused requests, as only their owner may add to them. */
export interface OwnedRefusals {
  /** Up to where the stream is counted. */
  readonly position: () => Position | undefined;
  /**
   * Counts a batch and moves the position, in one transaction; one that was counted before, or that cannot be read
   * (undefined), only moves it. Throws `not_owner` where there is another owner by now.
   */
  readonly add: (batch: RefusalBatch | undefined, to: Position) => Promise<void>;
}

/** Only counts that are all this. */
export interface RefusalFilter {
  readonly tenantId?: string | undefined;
  readonly clientKeyId?: string | undefined;
  readonly site?: string | undefined;
  readonly kind?: string | undefined;
  /** Minutes; the end is excluded. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

export interface StoredRefusal {
  readonly id: string;
  readonly count: RefusalCount;
}

/** Counts of several minutes. */
export interface RefusalSum extends Omit<RefusalCount, 'minute'> {
  readonly firstMinute: Date;
  readonly lastMinute: Date;
}

export interface Refusals {
  /** Newest first. */
  list: (
    filter: RefusalFilter,
    page: { readonly size: number; readonly before: TimeCursor | undefined },
  ) => Promise<readonly StoredRefusal[]>;
  /** All minutes together; the most first. */
  sum: (
    filter: RefusalFilter,
    page: { readonly size: number; readonly skip: number },
  ) => Promise<readonly RefusalSum[]>;
}
