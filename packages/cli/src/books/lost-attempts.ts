import type { ChargedEvent } from '../views/request-log.ts';
import type { ProviderRow } from './provider-row.ts';

interface LostAttempt {
  readonly fromMs: number;
  readonly toMs: number;
  readonly model: string;
}

/** By how much clocks may differ. */
const SKEW_MS = 5_000;

/**
 * Attempts of routers that were killed before the provider had said what it calls the request: nobody can tell whose
 * row is theirs, only that each may have one.
 */
export class LostAttempts {
  readonly #lost = new Map<string, LostAttempt>();

  /** The same event may come again. */
  add(event: ChargedEvent): void {
    const { requestId, abortReason, attempts, acceptedAt, latencyMs, upstreamModel } = event;
    if (abortReason !== 'router_lost' || attempts.at(-1)?.providerRequestId !== '') return;
    const acceptedMs = acceptedAt?.getTime() ?? 0;
    this.#lost.set(requestId, {
      fromMs: acceptedMs - SKEW_MS,
      toMs: acceptedMs + latencyMs + SKEW_MS,
      model: upstreamModel,
    });
  }

  /** Whether the row may be of one of them; that one has its row then. */
  take({ model, startedAtMs }: ProviderRow): boolean {
    for (const [requestId, lost] of this.#lost) {
      const isThen = startedAtMs === undefined || (startedAtMs >= lost.fromMs && startedAtMs <= lost.toMs);
      if (!isThen || (model !== '' && model !== lost.model)) continue;
      this.#lost.delete(requestId);
      return true;
    }
    return false;
  }
}
