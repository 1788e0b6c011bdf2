import type { KeyEffect, KeyEvent } from '../key-event.ts';
import { transition } from '../key-transition.ts';
import { alert, type KeyPool } from './key-pool.ts';
import { isChoosy, isLeasable, isProbeable, lookAt, type PoolKey } from './pool-key.ts';
import { revokeScope } from './pool-quota.ts';

/** In place of an actor: whoever has changed it in the database has put it into the history as well. */
export const WRITTEN_DOWN = '';

/** One event of a key, and all that follows from it in the pool. */
export function applyToKey(
  pool: KeyPool,
  key: PoolKey,
  { event, nowMs }: { readonly event: KeyEvent; readonly nowMs: number },
): readonly KeyEffect[] {
  const { id } = key.facts;
  const { key: next, effects } = transition(key.state, event, {
    config: pool.config.keyState,
    nowMs,
    jitter: pool.random(),
    backupKeyAvailable: pool.unusedBackups > pool.rotations,
    backupEndpoint: pool.spec.backup !== undefined,
  });
  let isNew = next !== key.state;
  key.state = next;
  if (isNew) pool.writes.changed(id);
  for (const effect of effects) {
    switch (effect.type) {
      case 'push':
        pushKey(pool, key, effect.leases === 'abort');
        if (effect.leases !== 'keep') revokeScope(pool, key, nowMs);
        break;
      case 'history': {
        if (effect.entry.actor === WRITTEN_DOWN) break;
        const message = event.type === 'outcome' ? event.message : undefined;
        pool.writes.note({ ...effect.entry, keyId: id, ...(message !== undefined && { message }) });
        break;
      }
      case 'rotate':
        if (!key.rotating) {
          key.rotating = true;
          isNew = true;
          pool.rotations += 1;
          pool.outputs.push({ kind: 'rotate', keyId: id, cause: effect.cause, actor: effect.actor });
        }
        break;
      case 'alert':
        alert(pool, { alert: effect.alert, keyId: id });
        break;
      case 'refused':
    }
  }
  if (isNew) refreshKey(pool, key, nowMs);
  return effects;
}

/** Puts the key where it belongs by its state now, and tells the holders if that is somewhere else. */
export function refreshKey(pool: KeyPool, key: PoolKey, nowMs: number): void {
  const { id } = key.facts;
  const denied = key.deniedModels;
  lookAt(key, nowMs);
  if (key.dueMs === Infinity) pool.troubled.delete(id);
  else pool.troubled.add(id);
  pool.nextDueMs = Math.min(pool.nextDueMs, key.dueMs);
  pool.nextCooldown = undefined;
  const leasable = isLeasable(key, nowMs);
  if (leasable !== pool.ring.has(id)) {
    pool.affinityDue = true;
    pushKey(pool, key, false);
  } else if (denied.join('\n') !== key.deniedModels.join('\n')) {
    pushKey(pool, key, false);
  }
  if (leasable) {
    pool.ring.add(id, { isChoosy: isChoosy(key) });
    pool.freed = true;
  } else {
    pool.ring.remove(id);
  }
  if (isProbeable(key, nowMs)) {
    if (!pool.probeable.has(id)) {
      pool.freed = true;
      pool.infoDue = true;
    }
    pool.probeable.add(id);
  } else {
    pool.probeable.delete(id);
  }
}

/** Tells all holders what the key is now. */
export function pushKey(pool: KeyPool, { facts }: PoolKey, abort: boolean): void {
  for (const { draft } of pool.connections.values()) {
    draft.keys.add(facts.id);
    if (abort) draft.aborted.add(facts.id);
  }
}

/** Tells once that too few keys are left. */
export function checkFloor(pool: KeyPool): void {
  const isBelow = pool.keys.size > 0 && pool.ring.size < pool.config.floorKeys;
  if (isBelow && !pool.floorAlerted) alert(pool, { alert: 'below_floor', usable: pool.ring.size });
  pool.floorAlerted = isBelow;
}
