export interface ClockSources {
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
}

const SYSTEM: ClockSources = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };

/** Clocks are read one after the other, and the wall clock is nudged all the time; a sleep is longer than either. */
const TOLERANCE_MS = 250;

/**
 * Milliseconds that never go back and do not stand still while the machine sleeps, as the monotonic clock of Linux does:
 * what the wall clock is ahead of it by a jump has passed as well. A wall clock that was only set forward makes ttls end
 * early, which harms nobody.
 */
export function createSleepAwareClock({ monotonicMs, wallMs }: ClockSources = SYSTEM): () => number {
  let wallAheadMs = wallMs() - monotonicMs();
  let sleptMs = 0;
  return () => {
    const wall = wallMs();
    const monotonic = monotonicMs();
    const jumpMs = wall - monotonic - wallAheadMs;
    if (Math.abs(jumpMs) > TOLERANCE_MS) {
      wallAheadMs += jumpMs;
      sleptMs += Math.max(0, jumpMs);
    }
    return monotonic + sleptMs;
  };
}
