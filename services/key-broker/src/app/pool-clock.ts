/** Milliseconds since 1970 that are never set back and, unlike a monotonic clock, do not stand still in sleep. */
export interface PoolClock {
  nowMs: () => number;
}

/** Goes by the monotonic clock, and forward with the wall clock where that is ahead. */
export function createPoolClock(): PoolClock {
  let offsetMs = Date.now() - performance.now();
  return {
    nowMs() {
      const monotonicMs = performance.now();
      offsetMs = Math.max(offsetMs, Date.now() - monotonicMs);
      return monotonicMs + offsetMs;
    },
  };
}
