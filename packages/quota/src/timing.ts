/** Agreed between owners and holders: either side relies on the other's. All in milliseconds. */

/** A limit per minute holds in every interval of this length. */
export const WINDOW_MS = 60_000;

/** A take that does not fit waits so long for what comes back. */
export const RECALL_WAIT_MS = 250;

/** A recall is in force at the holder so long: for all takes that came less than a wait after it, with time to travel. */
export const RECALL_FORCE_MS = 2 * RECALL_WAIT_MS + 100;

/** Nobody waits longer than this for an owner that is away or still collects what is held. */
export const OWNER_AWAY_MS = 2000;

/** A new owner grants nothing so long, if not all have said Hello before; after that a fair part to each who has. */
export const WARM_UP_WAIT_MS = 1000;

/** A denial is believed so long. */
export const DENIAL_MS = 100;

/** So many uses are remembered each for itself: what is small is exact. */
export const EXACT_BUCKETS = 60;

/**
 * Beyond that, use within this time is one bucket, dated by its last; at the holder, and again at the owner. Together
 * they are at most a wait, so that who asks again when the minute is over is served.
 */
export const HOLDER_BUCKET_MS = 50;
export const OWNER_BUCKET_MS = 200;

/** A holder ends its ttl this part early, as clocks run at different speeds. */
export const CLOCK_DRIFT = 0.01;
