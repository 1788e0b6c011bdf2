/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Death {
  readonly exit: Exit;
  /** How long the process had been running. */
  readonly ranMs: number;
  /** How long ago it was started again before, newest last. */
  readonly restartAgesMs: readonly number[];
}

const EARLY_MS = 10_000;
const WINDOW_MS = 60_000;
const MAX_RESTARTS = 3;

/**
 * What becomes of a process that ended without being asked to. Killed from outside, it is started again; one that gives
 * up by itself right after its start would do so again, and one that dies over and over needs somebody to look at it.
 * Answers why not, where it is not to be started again.
 */
export function whyNotRestart(death: Death): string | undefined {
  const { exit, ranMs, restartAgesMs } = death;
  if (exit.signal === null && exit.code !== 0 && ranMs < EARLY_MS)
    return `${(ranMs / 1000).toFixed(1)} s after its start`;
  const recent = restartAgesMs.filter((ageMs) => ageMs < WINDOW_MS).length;
  return recent < MAX_RESTARTS ? undefined : `after ${recent} restarts within a minute`;
}

/** "was killed (SIGKILL)", "ended with exit code 1". */
export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `ended with exit code ${code ?? 'unknown'}` : `was killed (${signal})`;
}
