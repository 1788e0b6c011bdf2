import type { Take } from '@omg/quota';
import { availability } from '../key-availability.ts';
import type { KeyPool } from './key-pool.ts';
import { fitsModel, isLeasable, isProbeable, type PoolKey } from './pool-key.ts';
import { applyToKey } from './pool-key-changes.ts';
import type { ProbePath } from './pool-holds.ts';
import { roomOf, type Need } from './pool-room.ts';
import type { KeyAccess, RefusalReason } from './pool-types.ts';

export interface Probe {
  readonly probeId: number | undefined;
  readonly route: KeyAccess['route'];
}

export type Chosen = { readonly key: PoolKey; readonly probe?: Probe } | { readonly refused: RefusalReason };

/** So many keys that wait for a probe are looked at for one take. */
const PROBE_TRIES = 64;
const PATH_PROBE_EVERY_MS = 100;

interface Question {
  readonly need: Need;
  /** Whether the take could do with the key. */
  readonly fits: (key: PoolKey) => boolean;
}

/** The key that a take gets: the one that it names, or, where it leaves that to the owner, any that fits. */
export function chooseKey(pool: KeyPool, take: Take, { epoch, nowMs }: Omit<Need, 'amounts'>): Chosen {
  const [part] = take.scopes;
  if (part === undefined) return { refused: 'none_available' };
  const { choice, scope } = part;
  const need = { amounts: part.need, epoch, nowMs };
  if (choice === undefined) return chooseNamed(pool, pool.keys.get(scope), need);

  const { kind: model } = choice;
  const exclude = new Set(choice.exclude);
  const fits = (key: PoolKey): boolean => !exclude.has(key.facts.id) && fitsModel(key, model);
  const question = { need, fits };
  // who has tried other keys already wants one that works
  const probe = exclude.size === 0 ? chooseProbe(pool, question) : undefined;
  if (probe !== undefined) return probe;
  if (pool.holds.provider !== undefined) return { refused: 'held' };

  const wish = pool.keys.get(scope);
  if (wish !== undefined && fits(wish) && isLeasable(wish, nowMs) && roomOf(pool, wish, need) === 'yes') {
    return { key: wish };
  }
  const next = chooseInTurn(pool, model, question);
  if (next !== undefined) return { key: next };
  if (isAnyLeasable(pool, fits)) return { refused: 'slots' };
  return (exclude.size > 0 ? chooseProbe(pool, question) : undefined) ?? { refused: whyNone(pool, fits, nowMs) };
}

function chooseNamed(pool: KeyPool, key: PoolKey | undefined, need: Need): Chosen {
  if (key === undefined || !isLeasable(key, need.nowMs)) return { refused: 'none_available' };
  if (pool.holds.provider !== undefined) return { refused: 'held' };
  return roomOf(pool, key, need) === 'yes' ? { key } : { refused: 'slots' };
}

function chooseInTurn(pool: KeyPool, model: string, { need, fits }: Question): PoolKey | undefined {
  const id = pool.ring.next(model, (keyId) => {
    const key = pool.keys.get(keyId);
    if (key === undefined || !fits(key)) return false;
    const room = roomOf(pool, key, need);
    if (room === 'full') pool.ring.setFull(keyId);
    return room === 'yes';
  });
  return id === undefined ? undefined : pool.keys.get(id);
}

function isAnyLeasable({ ring, keys }: KeyPool, fits: (key: PoolKey) => boolean): boolean {
  for (const id of ring.ids) {
    const key = keys.get(id);
    if (key !== undefined && fits(key)) return true;
  }
  return false;
}

/** A request that may be tried again is worth more as the probe of something that is in trouble. */
function chooseProbe(pool: KeyPool, question: Question): { readonly key: PoolKey; readonly probe: Probe } | undefined {
  const { fits, need } = question;
  const { nowMs } = need;
  const byPath = pool.holds.any && nowMs >= pool.nextPathProbeMs ? probePath(pool, question) : undefined;
  if (byPath !== undefined || pool.holds.provider !== undefined) return byPath;
  let tries = Math.min(PROBE_TRIES, pool.probeable.size);
  for (const id of pool.probeable) {
    const key = pool.keys.get(id);
    if (key !== undefined && isProbeable(key, nowMs) && fits(key) && roomOf(pool, key, need) === 'yes') {
      const route = routeOf(pool, key);
      if (route !== undefined) {
        applyToKey(pool, key, { event: { type: 'probe_started' }, nowMs });
        return { key, probe: { probeId: undefined, route } };
      }
    }
    // the next take begins with another one
    pool.probeable.delete(id);
    pool.probeable.add(id);
    tries -= 1;
    if (tries <= 0) break;
  }
  return undefined;
}

function probePath(pool: KeyPool, question: Question): { readonly key: PoolKey; readonly probe: Probe } | undefined {
  const { nowMs } = question.need;
  for (const path of pool.holds.probePaths(nowMs)) {
    const key = keyFor(pool, path, question);
    const route = key === undefined ? undefined : path === 'any' ? routeOf(pool, key) : routeBy(path.proxyId);
    if (key === undefined || route === undefined) continue;
    const probeId = pool.holds.startProbe(route.via === 'proxy' ? route.proxyId : undefined, nowMs);
    if (probeId !== undefined) return { key, probe: { probeId, route } };
  }
  pool.nextPathProbeMs = nowMs + PATH_PROBE_EVERY_MS;
  return undefined;
}

/** A key that is well, to probe a way with; only ways that the key may be used by. */
function keyFor(pool: KeyPool, path: ProbePath, { fits, need }: Question): PoolKey | undefined {
  const isWell = (key: PoolKey): boolean =>
    !key.rotating &&
    availability(key.state, need.nowMs).lease === 'any' &&
    fits(key) &&
    roomOf(pool, key, need) === 'yes';
  if (path !== 'any' && path.proxyId !== undefined) {
    for (const id of pool.boundTo.get(path.proxyId) ?? []) {
      const key = pool.keys.get(id);
      if (key !== undefined && isWell(key)) return key;
    }
  }
  const mayGo = ({ route, facts }: PoolKey): boolean => {
    if (path === 'any') return route.via !== 'none';
    // nothing but the hold keeps those from going directly that have no way now
    return path.proxyId === undefined
      ? route.via === 'none' && route.reason === 'no_usable_proxy'
      : facts.bindings.length === 0;
  };
  for (const key of pool.keys.values()) if (mayGo(key) && isWell(key)) return key;
  return undefined;
}

function routeBy(proxyId: string | undefined): Probe['route'] {
  return proxyId === undefined ? { via: 'direct' } : { via: 'proxy', proxyId };
}

/** One way, where a key has several. */
export function routeOf(pool: KeyPool, { route }: PoolKey): Exclude<Probe['route'], { via: 'any' }> | undefined {
  if (route.via === 'none') return undefined;
  if (route.via !== 'any') return route;
  const proxyId = pool.proxies.next();
  return proxyId === undefined ? undefined : { via: 'proxy', proxyId };
}

/** Why no key that fits is leasable. */
export function whyNone(pool: KeyPool, fits: (key: PoolKey) => boolean, nowMs: number): 'no_proxy' | 'none_available' {
  for (const key of pool.keys.values()) {
    if (key.route.via === 'none' && !key.rotating && fits(key) && availability(key.state, nowMs).lease !== 'none') {
      return 'no_proxy';
    }
  }
  return 'none_available';
}
