import { availability } from '../domain/key-availability.ts';
import type { KeyPool } from '../domain/pool/key-pool.ts';
import type { PoolKey } from '../domain/pool/pool-key.ts';
import { slotsInUse, slotsOf } from '../domain/pool/pool-quota.ts';
import type { Route } from '../domain/pool/pool-types.ts';
import type { KeyNow, ProxyNow } from './pool-office.ts';
import type { StoredBinding, StoredKey, StoredProxy } from './pool-store.ts';

/** What the pool thinks of a key now, for people; undefined: it has no such key. */
export function keyNowOf(
  pool: KeyPool,
  stored: StoredKey,
  bindings: readonly StoredBinding[],
  nowMs: number,
): KeyNow | undefined {
  const key = pool.keys.get(stored.id);
  if (key === undefined) return undefined;
  const block = blockOf(pool, key, nowMs);
  return {
    key: { ...stored, state: key.state, terms: key.facts.terms },
    available: block === undefined,
    blockedBy: block?.by ?? '',
    blockedUntilMs: block?.untilMs,
    slots: slotsOf(pool, key),
    slotsInUse: slotsInUse(pool, stored.id),
    route: nameOf(key.route),
    bindings,
  };
}

export function proxyNowOf({ proxies }: KeyPool, proxy: StoredProxy): ProxyNow | undefined {
  const health = proxies.health(proxy.id);
  return health === undefined ? undefined : { proxy, health, standing: proxies.standing(proxy.id) };
}

const WHY_NO_ROUTE: Readonly<Record<Extract<Route, { via: 'none' }>['reason'], string>> = {
  bound_proxies_unusable: 'none of its proxies can be used',
  no_usable_proxy: 'no proxy can be used',
  no_proxy: 'there is no proxy',
};

function blockOf(
  pool: KeyPool,
  key: PoolKey,
  nowMs: number,
): { readonly by: string; readonly untilMs: number | undefined } | undefined {
  const { state, route } = key;
  if (key.rotating) return { by: 'being rotated', untilMs: undefined };
  const may = availability(state, nowMs);
  if (may.lease === 'probe') return { by: `${state.status}, waits for a probe`, untilMs: undefined };
  if (may.lease === 'none') {
    const by =
      may.why === 'cooling' || may.why === 'probing'
        ? `${state.status}${may.why === 'probing' ? ', being probed' : ''}`
        : may.why;
    return { by, untilMs: may.untilMs };
  }
  if (route.via === 'none') return { by: WHY_NO_ROUTE[route.reason], untilMs: undefined };
  const { provider } = pool.holds;
  return provider === undefined ? undefined : { by: 'the provider is held', untilMs: provider.untilMs };
}

function nameOf(route: Route): string {
  if (route.via === 'proxy') return route.proxyId;
  return route.via === 'none' ? '' : route.via;
}
