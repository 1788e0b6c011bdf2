import { GUARD_HORIZON_DAYS } from '../guard-horizon.ts';

/** Since when something has all its logs; what is older may have lost some to the retention. */
export interface Horizon {
  /** Logs of requests that were accepted since then. */
  readonly acceptedSinceMs: number;
  /** Logs that were charged since then, however long after their acceptance. */
  readonly chargedSinceMs: number;
}

const DAY_MS = 86_400_000;
/** For the time that checking takes, while logs go on being forgotten. */
const MARGIN_MS = 6 * 3_600_000;

export function horizonOf(now: Date, retentionMs: number): Horizon {
  const acceptedSinceMs = now.getTime() - retentionMs + MARGIN_MS;
  return { acceptedSinceMs, chargedSinceMs: acceptedSinceMs + GUARD_HORIZON_DAYS * DAY_MS };
}

/** When an id of this kind was made, where it is a UUIDv7. */
export function timeOfId(id: string): number | undefined {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.exec(id) ?? [];
  return high === undefined || low === undefined ? undefined : Number.parseInt(high + low, 16);
}

/**
 * From when on requests may count in a budget's bucket, by the day that its name ends with; undefined for a name without one.
 * A day earlier than that, for zones that begin theirs before UTC does.
 */
export function bucketBegin(bucket: string): number | undefined {
  const [, date] = /\/(\d{4}-\d{2}-\d{2})$/.exec(bucket) ?? [];
  return date === undefined ? undefined : Date.parse(`${date}T00:00:00Z`) - DAY_MS;
}
