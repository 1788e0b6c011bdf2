import { alikeClasses, type AlikeClass } from '../attribution-config.ts';
import type { KeyEffect, OperatorEvent, OutcomeCause } from '../key-event.ts';
import { overriddenCause } from '../provider-registry.ts';
import type { ProxyEvent } from '../proxy-health.ts';
import { alert, type KeyPool } from './key-pool.ts';
import { applyToKey, refreshKey, WRITTEN_DOWN } from './pool-key-changes.ts';
import { removeKey, rerouteKeys, setKey, setPoolBackups, type KeyRecord } from './pool-keys.ts';
import { nameOfHold } from './pool-holds.ts';
import type { PoolOutcome, PoolOutput, ProxyFacts } from './pool-types.ts';

/** What became of an attempt: first it is asked who is to blame, then the key hears of it. */
export function reportToPool(pool: KeyPool, outcome: PoolOutcome, nowMs: number): void {
  const { keyId, proxyId, generation, endpoint, retryAfterMs, model, message, probeId } = outcome;
  const cause = causeOf(pool, outcome);
  if (proxyId !== undefined) tellProxyOfLease(pool, { proxyId, cause, message }, nowMs);
  const known = pool.keys.get(keyId);
  const key = known?.rotating === true ? undefined : known;
  // a probe of a way tells of the way, whatever has become of its key
  if (key?.state.generation !== generation && probeId === undefined) return;
  const heldBefore = new Set(pool.holds.names);
  const { blame, effects } = pool.holds.report(
    {
      keyId,
      proxyId,
      cause,
      generation,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(probeId !== undefined && { probeId }),
      usableKeysLeft: pool.ring.size - (pool.ring.has(keyId) ? 1 : 0),
    },
    nowMs,
  );
  const event = {
    type: 'outcome',
    cause,
    generation,
    endpoint,
    ...((blame === 'proxy' || blame === 'provider') && { attributedTo: blame }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(model !== undefined && { model }),
    ...(message !== undefined && { message }),
  } as const;
  if (key !== undefined) applyToKey(pool, key, { event, nowMs });
  let rerouted = false;
  for (const effect of effects) {
    if (effect.type === 'release_key') {
      const released = pool.keys.get(effect.keyId);
      if (released === undefined || released.rotating) continue;
      const release = { type: 'release', generation: effect.generation, cause: anyCauseOf(effect.cause) } as const;
      applyToKey(pool, released, { event: release, nowMs });
      continue;
    }
    const scope = nameOfHold(effect.scope);
    // one that goes on for longer is no other
    if (effect.type === 'hold' && heldBefore.has(scope)) continue;
    rerouted = true;
    alert(pool, { alert: effect.type, scope, cause: effect.type === 'hold' ? effect.cause : 'success' });
  }
  if (rerouted) rerouteKeys(pool, nowMs);
}

/** What a check, a lease or an operator tells of a proxy. */
export function tellProxy(pool: KeyPool, proxyId: string, event: ProxyEvent, nowMs: number): void {
  const before = pool.proxies.standing(proxyId);
  const told = pool.proxies.tell(proxyId, event, nowMs);
  const health = pool.proxies.health(proxyId);
  if (told === undefined || health === undefined) return;
  pool.outputs.push({ kind: 'proxy_health', proxyId, health });
  if (told !== 'changed') alert(pool, { alert: told, proxyId, message: health.lastError ?? '' });
  if (pool.proxies.standing(proxyId) !== before) rerouteKeys(pool, nowMs);
}

/** All proxies as they are stored now. */
export function setPoolProxies(pool: KeyPool, all: readonly ProxyFacts[], nowMs: number): void {
  const { changed, gone } = pool.proxies.set(all);
  if (changed.length === 0 && gone.length === 0) return;
  for (const { draft } of pool.connections.values()) for (const id of gone) draft.goneProxies.add(id);
  rerouteKeys(pool, nowMs);
}

/** What an operator does to a key's state; undefined: there is no such key. */
export function operateKey(
  pool: KeyPool,
  keyId: string,
  event: OperatorEvent,
  nowMs: number,
): readonly KeyEffect[] | undefined {
  const key = pool.keys.get(keyId);
  return key === undefined ? undefined : applyToKey(pool, key, { event, nowMs });
}

/** A rotation is committed: the successor has the old key's place, and its conversations. */
export function rotated(
  pool: KeyPool,
  order: { readonly oldId: string; readonly successor: KeyRecord },
  nowMs: number,
): void {
  const { oldId, successor } = order;
  const old = pool.keys.get(oldId);
  if (old !== undefined) {
    applyToKey(pool, old, { event: { type: 'rotated', actor: WRITTEN_DOWN }, nowMs });
    pool.replaced.set(successor.facts.id, oldId);
  }
  setKey(pool, { record: successor, route: pool.proxies.router(), changedBy: WRITTEN_DOWN, nowMs });
  removeKey(pool, oldId, nowMs);
  setPoolBackups(pool, Math.max(0, pool.unusedBackups - 1));
  pool.freed = true;
}

/** A rotation was not done: there was no backup key after all, or it failed and is tried again. */
export function notRotated(
  pool: KeyPool,
  order: Extract<PoolOutput, { kind: 'rotate' }>,
  { again, nowMs }: { readonly again: boolean; readonly nowMs: number },
): void {
  const key = pool.keys.get(order.keyId);
  if (key?.rotating !== true) return;
  if (again) {
    pool.outputs.push(order);
    return;
  }
  key.rotating = false;
  pool.rotations -= 1;
  alert(pool, { alert: 'no_backup_key', keyId: order.keyId });
  pool.writes.changed(order.keyId);
  refreshKey(pool, key, nowMs);
}

function causeOf({ spec }: KeyPool, { cause, status, errorWords, message }: PoolOutcome): OutcomeCause {
  if (status < 400) return cause;
  return overriddenCause(spec, { status, words: errorWords, message }) ?? cause;
}

/** Only what tells something of the way: no answer at all may have been the upstream's silence. */
function tellProxyOfLease(
  pool: KeyPool,
  {
    proxyId,
    cause,
    message,
  }: { readonly proxyId: string; readonly cause: OutcomeCause; readonly message?: string | undefined },
  nowMs: number,
): void {
  if (cause === 'cancelled' || cause === 'connection' || cause === 'timeout') return;
  const ok = cause !== 'proxy_error';
  tellProxy(pool, proxyId, { type: 'lease', ok, ...(message !== undefined && !ok && { message }) }, nowMs);
}

const CAUSES = Object.entries(alikeClasses);

/** Any cause of the class: a release asks only whether it could have made the key fail over. */
function anyCauseOf(wanted: AlikeClass): OutcomeCause {
  const found = CAUSES.find(([, cls]) => cls === wanted)?.[0];
  // the keys of the table are causes
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (found ?? 'upstream_error') as OutcomeCause;
}
