import { alikeClasses, CIRCUMSTANTIAL, type AlikeClass, type AttributionConfig } from './attribution-config.ts';
import { afterFailedProbe, extendHold, gateOf, type Gate, type Hold } from './hold.ts';
import { Incident } from './incident.ts';
import type { OutcomeCause } from './key-event.ts';

export interface AttributionReport {
  readonly keyId: string;
  /** Undefined: no proxy, directly. */
  readonly proxyId: string | undefined;
  readonly cause: OutcomeCause;
  readonly generation: bigint;
  readonly retryAfterMs?: number;
  /** The probe that its lease was, if it was one. */
  readonly probeId?: number;
  /** Keys that would be left usable without this one. */
  readonly usableKeysLeft: number;
}

/** What is held: the provider, one proxy for it, or the way to it without a proxy. */
export type HoldScope = 'provider' | 'direct' | { readonly proxyId: string };

export type AttributionEffect =
  | { readonly type: 'hold'; readonly scope: HoldScope; readonly cause: AlikeClass; readonly untilMs: number }
  | { readonly type: 'hold_ended'; readonly scope: HoldScope }
  /** This key's failure was not its own: undo what that generation's outcome did. */
  | { readonly type: 'release_key'; readonly keyId: string; readonly generation: bigint; readonly cause: AlikeClass };

export interface Attribution {
  readonly blame: 'nobody' | 'key' | 'proxy' | 'provider' | 'request';
  readonly effects: readonly AttributionEffect[];
}

/** What needs no comparison. */
const ownBlames: Readonly<Partial<Record<OutcomeCause, Attribution['blame']>>> = {
  model_denied: 'key',
  proxy_error: 'proxy',
  request_fault: 'request',
};

const PROVIDER = 'provider';
const DIRECT = 'direct';
const pathOf = (proxyId: string | undefined): string => (proxyId === undefined ? DIRECT : `proxy ${proxyId}`);
const scopeOf = (id: string): HoldScope =>
  id === PROVIDER || id === DIRECT ? id : { proxyId: id.slice('proxy '.length) };

/**
 * Who is to blame for a failure at one provider: keys that fail alike within a window, while none does well, are not
 * the reason themselves. Then their proxy is held, or the provider, the keys are released, and a probe decides.
 */
export class FaultAttribution {
  readonly #config: AttributionConfig;
  readonly #incidents = new Map<AlikeClass, Incident>();
  readonly #holds = new Map<string, Hold>();
  #lastProbe = 0;

  constructor(config: AttributionConfig) {
    this.#config = config;
  }

  /** Whether anything may be leased by this way; `probe`: one lease, after `startProbe`. */
  gate(proxyId: string | undefined, nowMs: number): Gate {
    const provider = gateOf(this.#hold(PROVIDER, nowMs), nowMs);
    const path = gateOf(this.#hold(pathOf(proxyId), nowMs), nowMs);
    if (typeof provider === 'object' && typeof path === 'object') {
      return { heldUntilMs: Math.max(provider.heldUntilMs, path.heldUntilMs) };
    }
    if (typeof provider === 'object') return provider;
    return path === 'open' ? provider : path;
  }

  /** The id of the one probe that may go this way now; its lease carries it. */
  startProbe(proxyId: string | undefined, nowMs: number): number | undefined {
    if (this.gate(proxyId, nowMs) !== 'probe') return undefined;
    const probe = { id: (this.#lastProbe += 1), untilMs: nowMs + this.#config.probeTtlMs };
    for (const id of [PROVIDER, pathOf(proxyId)]) {
      const hold = this.#holds.get(id);
      if (hold !== undefined) this.#holds.set(id, { ...hold, probe });
    }
    return probe.id;
  }

  /** The outcomes of current generations only; older ones belong to what was judged already. */
  report(report: AttributionReport, nowMs: number): Attribution {
    const { cause } = report;
    const cls = alikeClasses[cause];
    const ended = this.#afterProbe(report, cls, nowMs);
    if (cls !== undefined) {
      const { blame, effects } = this.#judge(report, cls, nowMs);
      return { blame, effects: [...ended, ...effects] };
    }
    if (cause === 'success') {
      for (const incident of this.#incidents.values()) incident.didWell(report.keyId, pathOf(report.proxyId));
    }
    return { blame: ownBlames[cause] ?? 'nobody', effects: ended };
  }

  #judge(report: AttributionReport, cls: AlikeClass, nowMs: number): Attribution {
    const { keyId, proxyId, generation, retryAfterMs } = report;
    const path = pathOf(proxyId);
    const known = [PROVIDER, path].find((id) => this.#holds.get(id)?.cause === cls);
    if (known !== undefined) return this.#blame(known, { cause: cls, retryAfterMs }, nowMs);

    const incident = this.#incidents.get(cls) ?? new Incident();
    this.#incidents.set(cls, incident);
    incident.failed(keyId, { path, atMs: nowMs, generation }, this.#config.windowMs);
    const guilty = this.#guilty(incident, { cls, path, usableKeysLeft: report.usableKeysLeft });
    if (guilty === undefined) return { blame: 'key', effects: [] };

    const released = [...incident.failing]
      .filter(([id, failing]) => id !== keyId && (guilty === PROVIDER || failing.path === guilty))
      .map(
        ([id, failing]) => ({ type: 'release_key', keyId: id, generation: failing.generation, cause: cls }) as const,
      );
    incident.clear();
    const { blame, effects } = this.#blame(guilty, { cause: cls, retryAfterMs }, nowMs);
    return { blame, effects: [...effects, ...released] };
  }

  /** The provider where every way to it fails; else the way of this failure, where most keys fail on it. */
  #guilty(
    incident: Incident,
    at: { readonly cls: AlikeClass; readonly path: string; readonly usableKeysLeft: number },
  ): string | undefined {
    const { minKeys, minShare, floorKeys } = this.#config;
    const needed = minKeys[at.cls];
    const atFloor = at.usableKeysLeft < floorKeys && CIRCUMSTANTIAL.has(at.cls) && needed !== Infinity;
    const isMany = (failing: number): boolean => failing >= (atFloor ? Math.min(2, needed) : needed);
    const tallies = incident.tallies();
    const isMost = ({ failing, well }: { failing: number; well: number }): boolean =>
      atFloor || failing >= minShare * (failing + well);
    const failingPaths = [...tallies].filter(([, { failing }]) => failing > 0);
    const everywhere = failingPaths.length > 1 || (at.path === DIRECT && tallies.size === 1);
    if (everywhere && isMany(incident.failing.size) && [...tallies.values()].every(isMost)) return PROVIDER;
    const own = tallies.get(at.path);
    return own !== undefined && isMany(own.failing) && isMost(own) ? at.path : undefined;
  }

  #blame(
    id: string,
    failure: { readonly cause: AlikeClass; readonly retryAfterMs: number | undefined },
    nowMs: number,
  ): Attribution {
    const before = this.#holds.get(id);
    const hold = extendHold(before, failure, { config: this.#config, nowMs });
    this.#holds.set(id, hold);
    const blame = scopeOf(id) === PROVIDER || id === DIRECT ? 'provider' : 'proxy';
    if (before?.untilMs === hold.untilMs) return { blame, effects: [] };
    return { blame, effects: [{ type: 'hold', scope: scopeOf(id), cause: hold.cause, untilMs: hold.untilMs }] };
  }

  /** The verdict of a probe on what it was to try. */
  #afterProbe(report: AttributionReport, cls: AlikeClass | undefined, nowMs: number): readonly AttributionEffect[] {
    const effects: AttributionEffect[] = [];
    if (report.probeId === undefined) return effects;
    for (const id of [PROVIDER, pathOf(report.proxyId)]) {
      const hold = this.#hold(id, nowMs);
      if (hold?.probe?.id !== report.probeId) continue;
      if (report.cause === 'success') {
        this.#holds.delete(id);
        effects.push({ type: 'hold_ended', scope: scopeOf(id) });
      } else {
        const verdict = cls === hold.cause ? 'failed' : 'unknown';
        const next = afterFailedProbe(hold, verdict, { config: this.#config, nowMs });
        this.#holds.set(id, next);
        effects.push({ type: 'hold', scope: scopeOf(id), cause: next.cause, untilMs: next.untilMs });
      }
    }
    return effects;
  }

  /** The hold as time has left it: a probe that did not come back is none. */
  #hold(id: string, nowMs: number): Hold | undefined {
    const hold = this.#holds.get(id);
    if (hold?.probe === undefined || hold.probe.untilMs > nowMs) return hold;
    const next = afterFailedProbe(hold, 'unknown', { config: this.#config, nowMs: hold.probe.untilMs });
    this.#holds.set(id, next);
    return next;
  }
}
