import { judgeCheck, type RouteCheck } from '../domain/proxy-check-round.ts';
import { isCheckDue } from '../domain/proxy-health.ts';
import type { PoolClock } from './pool-clock.ts';
import type { PoolKeeper } from './pool-keeper.ts';
import type { ProxyAddress } from '../domain/pool/pool-types.ts';
import type { ProxyCheck } from './upstream-ports.ts';

export interface ProxyCheckerOptions {
  readonly keeper: PoolKeeper;
  /** Reaches the provider through the proxy; throws only the signal's reason. */
  readonly check: (proxy: ProxyAddress, signal: AbortSignal) => Promise<ProxyCheck>;
  readonly clock: PoolClock;
  readonly signal: AbortSignal;
}

const MAX_AT_ONCE = 16;

/** Checks each proxy of a pool when that is due, by reaching the provider through it. */
export class ProxyChecker {
  readonly #options: ProxyCheckerOptions;
  /** The last check of each. */
  readonly #last = new Map<string, RouteCheck>();
  readonly #running = new Set<string>();

  constructor(options: ProxyCheckerOptions) {
    this.#options = options;
  }

  /** Begins the checks that are due; they end by themselves. */
  look(): void {
    const { keeper, clock } = this.#options;
    const { proxies } = keeper.pool;
    const nowMs = clock.nowMs();
    for (const id of proxies.ids) {
      if (this.#running.size >= MAX_AT_ONCE) return;
      const health = proxies.health(id);
      const isWanted = proxies.facts(id)?.isActive === true && health !== undefined && isCheckDue(health, nowMs);
      if (isWanted && !this.#running.has(id) && !this.#wasJust(id, nowMs)) void this.#check(id);
    }
    for (const id of this.#last.keys()) if (proxies.facts(id) === undefined) this.#last.delete(id);
  }

  async #check(id: string): Promise<void> {
    const { keeper, check, clock, signal } = this.#options;
    const address = keeper.pool.proxies.facts(id)?.address;
    if (address === undefined) return;
    this.#running.add(id);
    try {
      const { ok, fault, message } = await check(address, signal);
      const done: RouteCheck = { route: id, atMs: clock.nowMs(), result: ok ? 'ok' : (fault ?? 'proxy') };
      const verdict = judgeCheck(done, [...this.#last.values()]);
      this.#last.set(id, done);
      if (verdict !== 'unknown') keeper.tellProxy(id, { type: 'check', ok: verdict === 'works', message });
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#running.delete(id);
    }
  }

  /** One that told nothing is not repeated at once. */
  #wasJust(id: string, nowMs: number): boolean {
    const last = this.#last.get(id);
    return (
      last !== undefined &&
      last.result === 'target' &&
      nowMs < last.atMs + this.#options.keeper.pool.config.proxyHealth.checkEveryMs
    );
  }
}
