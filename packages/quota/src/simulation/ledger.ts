import type { Amounts } from '../dimensions.ts';
import type { Charge } from '../owner/charge.ts';
import type { ScopeSettings } from '../owner/owner.ts';
import type { Timeline } from './actor.ts';

/** An event of one request, of an epoch, numbered. */
export interface UsageEvent {
  readonly epoch: string;
  readonly number: number;
  readonly opened: number;
  readonly scopes: readonly { readonly scope: string; readonly reserved: Amounts; readonly costNanoUsd: number }[];
}

/** What is durable: the stream of events, what was charged, who was seen. Charged once each, in order, by the owner. */
export class Ledger {
  readonly spentNanoUsd = new Map<string, number>();
  readonly upTo = new Map<string, number>();
  readonly knownHolders = new Set<string>();
  readonly settings = new Map<string, ScopeSettings>();
  /** Published and not charged; the first began to wait at this time. */
  readonly #stream: { readonly atMs: number; readonly event: UsageEvent }[] = [];
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  publish(event: UsageEvent): void {
    this.#stream.push({ atMs: this.#timeline.nowMs, event });
  }

  /** The next event as a charge, which is committed with this. */
  charge(): Charge | undefined {
    const next = this.#stream.shift();
    if (next === undefined) return undefined;
    const { epoch, number, opened, scopes } = next.event;
    for (const { scope, costNanoUsd } of scopes) {
      this.spentNanoUsd.set(scope, (this.spentNanoUsd.get(scope) ?? 0) + costNanoUsd);
    }
    this.upTo.set(epoch, number);
    return { epoch, event: number, upTo: number, opened, scopes };
  }

  /** Everything that was published before is charged. */
  get chargedUntilMs(): number {
    return this.#stream[0]?.atMs ?? this.#timeline.nowMs;
  }

  load(scope: string): ScopeSettings | undefined {
    const settings = this.settings.get(scope);
    return settings && { ...settings, spentNanoUsd: this.spentNanoUsd.get(scope) ?? 0 };
  }
}
