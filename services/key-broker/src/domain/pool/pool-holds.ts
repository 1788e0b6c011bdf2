import { FaultAttribution, type Attribution, type AttributionReport, type HoldScope } from '../attribution.ts';
import type { AttributionConfig } from '../attribution-config.ts';

const pathName = (proxyId: string | undefined): string => (proxyId === undefined ? 'direct' : `proxy ${proxyId}`);

/** A way that nothing holds: what stands before it is the provider's hold. */
const FREE_WAY = '';

/** `any`: the provider is held, and every way is right to probe it. */
export type ProbePath = 'any' | { readonly proxyId: string | undefined };

export function nameOfHold(scope: HoldScope): string {
  return typeof scope === 'string' ? scope : `proxy ${scope.proxyId}`;
}

/** What is held at the moment: the provider, or ways to it. Nothing but a probe's success ends a hold. */
export class PoolHolds {
  readonly #attribution: FaultAttribution;
  /** Name -> until when not even a probe goes. */
  readonly #holds = new Map<string, { readonly scope: HoldScope; untilMs: number }>();

  constructor(config: AttributionConfig) {
    this.#attribution = new FaultAttribution(config);
  }

  get names(): Iterable<string> {
    return this.#holds.keys();
  }

  get any(): boolean {
    return this.#holds.size > 0;
  }

  get provider(): { readonly untilMs: number } | undefined {
    return this.#holds.get('provider');
  }

  isOpen(proxyId: string | undefined): boolean {
    return !this.#holds.has(pathName(proxyId));
  }

  /** Ways that wait for a probe now; `any` where the provider does, for which every way is right. */
  probePaths(nowMs: number): readonly ProbePath[] {
    const paths: ProbePath[] = [];
    for (const { scope, untilMs } of this.#holds.values()) {
      if (untilMs > nowMs) continue;
      const proxyId = typeof scope === 'string' ? undefined : scope.proxyId;
      const way = scope === 'provider' ? FREE_WAY : proxyId;
      if (this.#attribution.gate(way, nowMs) !== 'probe') continue;
      paths.push(scope === 'provider' ? 'any' : { proxyId });
    }
    return paths;
  }

  /** When the next way may be probed; Infinity when none is held, or all of them may. */
  nextProbeMs(nowMs: number): number {
    let atMs = Infinity;
    for (const { untilMs } of this.#holds.values()) if (untilMs > nowMs) atMs = Math.min(atMs, untilMs);
    return atMs;
  }

  startProbe(proxyId: string | undefined, nowMs: number): number | undefined {
    return this.#attribution.startProbe(proxyId, nowMs);
  }

  report(report: AttributionReport, nowMs: number): Attribution {
    const attribution = this.#attribution.report(report, nowMs);
    for (const effect of attribution.effects) {
      if (effect.type === 'hold') {
        this.#holds.set(nameOfHold(effect.scope), { scope: effect.scope, untilMs: effect.untilMs });
      } else if (effect.type === 'hold_ended') {
        this.#holds.delete(nameOfHold(effect.scope));
      }
    }
    return attribution;
  }
}
