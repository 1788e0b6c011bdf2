/** A check of one way to a provider. */
export interface RouteCheck {
  /** A proxy's id, or `direct`. */
  readonly route: string;
  readonly atMs: number;
  /** `proxy`: the proxy failed; `target`: it said that it cannot reach the provider. */
  readonly result: 'ok' | 'proxy' | 'target';
}

export type CheckVerdict =
  | 'works'
  | 'fails'
  /** Nobody reaches the provider: it may be the provider that is gone, so that nothing is said of the proxy. */
  | 'unknown';

/** Longer than the time between two checks, so that one that comes late still counts. */
export const CHECK_ROUND_MS = 90_000;

/**
 * What a check says of its proxy. A target that cannot be reached is the proxy's failure only where the provider was
 * reached by another way in this round; the last check of each way counts.
 */
export function judgeCheck(check: RouteCheck, all: readonly RouteCheck[], roundMs = CHECK_ROUND_MS): CheckVerdict {
  if (check.result === 'ok') return 'works';
  if (check.result === 'proxy') return 'fails';
  const lastOfOthers = new Map<string, RouteCheck>();
  for (const other of all) {
    const last = lastOfOthers.get(other.route);
    const isInRound = other.atMs >= check.atMs - roundMs;
    if (other.route !== check.route && isInRound && (last === undefined || other.atMs >= last.atMs)) {
      lastOfOthers.set(other.route, other);
    }
  }
  return lastOfOthers.values().some(({ result }) => result === 'ok') ? 'fails' : 'unknown';
}
