import { chooseProxy, type ProxyBinding, type ProxyCandidate, type ProxyPolicy } from '../proxy-choice.ts';
import {
  NEW_PROXY_HEALTH,
  proxyStanding,
  proxyTransition,
  type ProxyEvent,
  type ProxyHealth,
  type ProxyHealthConfig,
} from '../proxy-health.ts';
import type { ProxyFacts, Route } from './pool-types.ts';

interface PoolProxy {
  facts: ProxyFacts;
  health: ProxyHealth;
  lastLeaseFailureMs: number;
}

export interface PoolProxiesOptions {
  readonly policy: ProxyPolicy;
  readonly allowDirect: boolean;
  readonly health: ProxyHealthConfig;
  /** Whether nothing holds this way; undefined is the way without a proxy. */
  readonly isOpen: (proxyId: string | undefined) => boolean;
}

/** Leases that fail at a proxy in the same moment are one failure of it. */
const ONE_FAILURE_MS = 1_000;

/** The proxies as one pool sees them, with a health of their own. */
export class PoolProxies {
  readonly #options: PoolProxiesOptions;
  readonly #proxies = new Map<string, PoolProxy>();
  #last: string | undefined;
  /** In the order of their turns; undefined: something has changed since. */
  #usable: readonly string[] | undefined;

  constructor(options: PoolProxiesOptions) {
    this.#options = options;
  }

  get ids(): Iterable<string> {
    return this.#proxies.keys();
  }

  get size(): number {
    return this.#proxies.size;
  }

  facts(id: string): ProxyFacts | undefined {
    return this.#proxies.get(id)?.facts;
  }

  health(id: string): ProxyHealth | undefined {
    return this.#proxies.get(id)?.health;
  }

  /** Those that are to be there from now on; which ones have changed or come, and which are gone. */
  set(all: readonly ProxyFacts[]): { readonly changed: readonly string[]; readonly gone: readonly string[] } {
    const changed: string[] = [];
    const wanted = new Set(all.map(({ address }) => address.id));
    for (const facts of all) {
      const { id } = facts.address;
      const known = this.#proxies.get(id);
      if (known === undefined) this.#proxies.set(id, { facts, health: facts.health, lastLeaseFailureMs: -Infinity });
      else if (isSame(known.facts, facts)) continue;
      else {
        // at another address it is another proxy, of which nothing is known
        if (!isSame(known.facts, { ...facts, isActive: known.facts.isActive })) known.health = NEW_PROXY_HEALTH;
        known.facts = facts;
      }
      changed.push(id);
    }
    this.#usable = undefined;
    const gone = [...this.#proxies.keys()].filter((id) => !wanted.has(id));
    for (const id of gone) this.#proxies.delete(id);
    return { changed, gone };
  }

  /** What a check, a lease or an operator tells of a proxy. */
  tell(id: string, event: ProxyEvent, nowMs: number): 'proxy_dead' | 'proxy_recovered' | 'changed' | undefined {
    const proxy = this.#proxies.get(id);
    if (proxy === undefined) return undefined;
    if (event.type === 'lease' && event.ok && proxy.health.results.at(-1) === true) return undefined;
    if (event.type === 'lease' && !event.ok) {
      if (nowMs < proxy.lastLeaseFailureMs + ONE_FAILURE_MS) return undefined;
      proxy.lastLeaseFailureMs = nowMs;
    }
    const { health, alert } = proxyTransition(proxy.health, event, { config: this.#options.health, nowMs });
    if (health === proxy.health) return undefined;
    proxy.health = health;
    this.#usable = undefined;
    return alert ?? 'changed';
  }

  standing(id: string): ProxyCandidate['standing'] {
    const proxy = this.#proxies.get(id);
    if (proxy === undefined || !proxy.facts.isActive || !this.#options.isOpen(id)) return 'unusable';
    return proxyStanding(proxy.health);
  }

  /** To be called when a hold begins or ends. */
  holdsChanged(): void {
    this.#usable = undefined;
  }

  /** Those that keys without bindings are sent through: the healthy ones, or, where there is none, those that may be. */
  usable(): ReadonlySet<string> {
    return new Set(this.#inTurn());
  }

  /** When the first of those that are cooling down may be back; Infinity when none is. */
  nextReturnMs(nowMs: number): number {
    let atMs = Infinity;
    for (const { health } of this.#proxies.values()) {
      const { cooldownUntilMs } = health;
      if (cooldownUntilMs !== undefined && cooldownUntilMs > nowMs) atMs = Math.min(atMs, cooldownUntilMs);
    }
    return atMs;
  }

  /** How keys with these bindings go, for many keys at once; one that may stay with its proxy of the pool does. */
  router(): (bindings: readonly ProxyBinding[], before?: Route) => Route {
    const candidates = new Map([...this.#proxies.keys()].map((id) => [id, { id, standing: this.standing(id) }]));
    const all = [...candidates.values()];
    const usable = this.usable();
    const { policy, allowDirect, isOpen } = this.#options;
    return (bindings, before) => {
      if (bindings.length === 0 && policy !== 'none' && usable.size > 0) return { via: 'any' };
      const bound = bindings.some(({ isActive }) => isActive);
      const isFor = (id: string): boolean => !bindings.some(({ proxyId }) => proxyId === id);
      if (!bound && before?.via === 'proxy' && usable.has(before.proxyId) && isFor(before.proxyId)) return before;
      const proxies = bound ? bindings.flatMap(({ proxyId }) => candidates.get(proxyId) ?? []) : all;
      const choice = chooseProxy({ bindings, proxies, policy, allowDirect, lastProxyId: this.#last });
      if (choice.via === 'proxy' && !bound) this.#last = choice.proxyId;
      if (choice.via === 'direct' && !isOpen(undefined)) return { via: 'none', reason: 'no_usable_proxy' };
      return choice;
    };
  }

  /** The proxy that has its turn, of those for keys without bindings. */
  next(): string | undefined {
    const ids = this.#inTurn();
    const { [0]: first } = ids;
    this.#last = ids.find((id) => this.#last === undefined || id > this.#last) ?? first;
    return this.#last;
  }

  #inTurn(): readonly string[] {
    if (this.#usable !== undefined) return this.#usable;
    const withStanding = (wanted: ProxyCandidate['standing']): string[] =>
      [...this.#proxies.keys()].filter((id) => this.standing(id) === wanted);
    const healthy = withStanding('healthy');
    this.#usable = (healthy.length > 0 ? healthy : withStanding('shaky')).toSorted();
    return this.#usable;
  }
}

function isSame(a: ProxyFacts, b: ProxyFacts): boolean {
  const { address: one } = a;
  const { address: other } = b;
  return (
    a.isActive === b.isActive &&
    one.type === other.type &&
    one.host === other.host &&
    one.port === other.port &&
    one.username === other.username &&
    one.password === other.password
  );
}
