/** What the end of a process says. */
export const EXIT_CODES = {
  /** Stopped when asked to, with everything put away. */
  stopped: 0,
  /** Did not start, crashed, or could not put everything away in time. */
  failed: 1,
  /** A second signal came while stopping; what was running then is lost. 128 + the signal's number, as shells have it. */
  secondSigint: 130,
  secondSigterm: 143,
} as const;
