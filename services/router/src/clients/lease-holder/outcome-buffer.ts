import type { LeaseVerdict } from '../../app/lease-broker.ts';

/** What became of an attempt, of which lease. */
export interface LeaseOutcome {
  readonly keyId: string;
  readonly generation: bigint;
  readonly endpointName: string;
  /** Undefined: directly. */
  readonly proxyId: string | undefined;
  readonly probe: { readonly probeId: bigint | undefined } | undefined;
  readonly verdict: LeaseVerdict;
}

const MOST = 1_000;

/** Outcomes until the next frame: equal successes are one, and of too many the oldest are forgotten. */
export class OutcomeBuffer {
  readonly #outcomes = new Map<string, LeaseOutcome>();
  #added = 0;

  get isEmpty(): boolean {
    return this.#outcomes.size === 0;
  }

  /** False: an older one had to go. */
  add(outcome: LeaseOutcome): boolean {
    const { keyId, generation, endpointName, proxyId, probe, verdict } = outcome;
    const isPlainSuccess = verdict.cause === 'success' && probe === undefined;
    this.#added += 1;
    this.#outcomes.set(
      isPlainSuccess ? JSON.stringify([keyId, String(generation), endpointName, proxyId]) : String(this.#added),
      outcome,
    );
    if (this.#outcomes.size <= MOST) return true;
    const [oldest] = this.#outcomes.keys();
    if (oldest !== undefined) this.#outcomes.delete(oldest);
    return false;
  }

  drain(): readonly LeaseOutcome[] {
    if (this.isEmpty) return [];
    const outcomes = [...this.#outcomes.values()];
    this.#outcomes.clear();
    return outcomes;
  }
}
