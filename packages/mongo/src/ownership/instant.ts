/** A moment by both of a process' clocks: the monotonic one may stand still where a machine sleeps, the other may be set. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** Whether so much time has passed, as soon as one of the clocks says so. */
export function hasPassed(since: Instant, ms: number, now: Instant): boolean {
  return now.monotonicMs - since.monotonicMs >= ms || now.wallMs - since.wallMs >= ms;
}
