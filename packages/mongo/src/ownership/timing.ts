/** By mongod's clock: how long an owner stays in `owners` without a renewal. */
export const LEASE_MS = 5_000;
/** By the owner's clocks, from when its last acknowledged renewal was sent: it stops before others may start. */
export const STOP_AFTER_MS = 4_000;
export const RENEW_EVERY_MS = 1_000;
/** Shorter than a lease, so that who died is out of the count when its leases end. */
export const MEMBER_MS = 3_000;
export const BEAT_EVERY_MS = 1_000;
export const LOOK_EVERY_MS = 200;
/** How long an id whose work failed is left alone. */
export const REST_MS = 1_000;
/** How long work that has lost its id may take to end. */
export const STUCK_MS = 1_000;
/** After that a call's answer is not waited for any more. */
export const CALL_MS = 1_500;
