import type { LeaseRefusal } from '../../app/lease-broker.ts';

/** What the broker says of the pool as a whole. */
export interface PoolFacts {
  readonly heldForMs: number;
  readonly probeWanted: boolean;
  readonly nextCooldownMs: number;
}

const UNAVAILABLE_RETRY_MS = 1_000;

/** Whether the pool is held or wants a probe, and when it is worth to come again. */
export class PoolStanding {
  /** Something waits for a probe, and this holder has not asked for it yet. */
  probeWanted = false;
  #heldUntilMs = -Infinity;
  #nextCooldownAtMs = -Infinity;

  apply({ heldForMs, probeWanted, nextCooldownMs }: PoolFacts, nowMs: number): void {
    this.probeWanted = probeWanted;
    this.#heldUntilMs = nowMs + heldForMs;
    this.#nextCooldownAtMs = nowMs + nextCooldownMs;
  }

  isHeld(nowMs: number): boolean {
    return nowMs < this.#heldUntilMs;
  }

  refusal(reason: LeaseRefusal['reason'], nowMs: number, limitedForMs?: number): LeaseRefusal {
    const after = (atMs: number): number | undefined => (atMs > nowMs ? Math.ceil(atMs - nowMs) : undefined);
    if (reason === 'held') return { reason, retryAfterMs: after(this.#heldUntilMs) };
    if (reason === 'unavailable') return { reason, retryAfterMs: UNAVAILABLE_RETRY_MS };
    return { reason, retryAfterMs: limitedForMs ?? after(this.#nextCooldownAtMs) };
  }
}
