import type { AlikeClass, AttributionConfig } from './attribution-config.ts';

/** A proxy or a provider that nothing is leased for until a probe has come through. */
export interface Hold {
  readonly cause: AlikeClass;
  readonly untilMs: number;
  readonly failedProbes: number;
  readonly probe: { readonly id: number; readonly untilMs: number } | undefined;
}

export type Gate = 'open' | 'probe' | { readonly heldUntilMs: number };

export type HoldConfig = Pick<AttributionConfig, 'hold' | 'maxRetryAfterMs' | 'probeTtlMs'>;

/** A new hold, or the one there is, longer: of two deadlines the later one counts. */
export function extendHold(
  hold: Hold | undefined,
  failure: { readonly cause: AlikeClass; readonly retryAfterMs: number | undefined },
  at: { readonly config: HoldConfig; readonly nowMs: number },
): Hold {
  const { config, nowMs } = at;
  const askedMs = Math.min(failure.retryAfterMs ?? 0, config.maxRetryAfterMs);
  if (hold !== undefined) return { ...hold, untilMs: Math.max(hold.untilMs, nowMs + askedMs) };
  const untilMs = nowMs + Math.max(config.hold.firstMs, askedMs);
  return { cause: failure.cause, untilMs, failedProbes: 0, probe: undefined };
}

export function gateOf(hold: Hold | undefined, nowMs: number): Gate {
  if (hold === undefined) return 'open';
  if (hold.probe !== undefined) return { heldUntilMs: hold.probe.untilMs };
  return hold.untilMs > nowMs ? { heldUntilMs: hold.untilMs } : 'probe';
}

/** The hold after a probe that failed in the same way, or (`unknown`) told nothing. */
export function afterFailedProbe(
  hold: Hold,
  verdict: 'failed' | 'unknown',
  at: { config: HoldConfig; nowMs: number },
): Hold {
  const { firstMs, maxMs } = at.config.hold;
  const failedProbes = hold.failedProbes + (verdict === 'failed' ? 1 : 0);
  const waitMs = verdict === 'failed' ? Math.min(maxMs, firstMs * 2 ** failedProbes) : firstMs;
  return { ...hold, failedProbes, probe: undefined, untilMs: Math.max(hold.untilMs, at.nowMs + waitMs) };
}
