import { ownerAdvance, ownerNextDeadline } from '@omg/quota';
import type { KeyPool } from './key-pool.ts';
import { applyToKey, checkFloor, refreshKey } from './pool-key-changes.ts';
import { freeKey, handleQuota } from './pool-quota.ts';
import { recallForWaiting, serveWaiting } from './pool-takes.ts';
import { nextCooldownMs } from './next-cooldown.ts';
import type { PoolInfo, PoolOutput } from './pool-types.ts';
import type { PoolWrites } from './key-writes.ts';

/** What time alone changes is looked at so often, and when something is due, but not more often than the second. */
const LOOK_MS = 100;
const MIN_LOOK_MS = 10;
/** Buckets fall out of use, and nothing else moves them then. */
const AFFINITY_EVERY_MS = 30_000;
/** A new table costs its buckets: the next one comes so many of them later per millisecond. */
const BUCKETS_PER_MS = 1_000;
/** A hold ends by a probe, whenever that is: until then holders are told again and again that it goes on. */
const HELD_FOR_MS = 2_000;
const TELL_HELD_EVERY_MS = 500;
/** So much earlier or later the next end of a cooldown is no news. */
const COOLDOWN_NEWS_MS = 100;

/** When `advancePool` has something to do. */
export function poolNextDeadline(pool: KeyPool): number {
  return Math.min(ownerNextDeadline(pool.owner), pool.nextLookMs, pool.waiting[0]?.untilMs ?? Infinity);
}

export function advancePool(pool: KeyPool, nowMs: number): void {
  handleQuota(pool, ownerAdvance(pool.owner, nowMs), nowMs);
  if (nowMs >= pool.nextLookMs) look(pool, nowMs);
  if (pool.freed || nowMs >= (pool.waiting[0]?.untilMs ?? Infinity)) serveWaiting(pool, nowMs);
}

function look(pool: KeyPool, nowMs: number): void {
  if (nowMs >= pool.nextDueMs) {
    pool.nextDueMs = Infinity;
    for (const id of pool.troubled) {
      const key = pool.keys.get(id);
      if (key === undefined) continue;
      if (key.dueMs <= nowMs) {
        applyToKey(pool, key, { event: { type: 'tick' }, nowMs });
        refreshKey(pool, key, nowMs);
      }
      pool.nextDueMs = Math.min(pool.nextDueMs, key.dueMs);
    }
  }
  for (const id of pool.ring.full) freeKey(pool, id, nowMs);
  recallForWaiting(pool, nowMs);
  const endMs = nextCooldownMs(pool, nowMs);
  if (Math.abs((endMs ?? 0) - (pool.told.cooldownEndMs ?? 0)) > COOLDOWN_NEWS_MS) pool.infoDue = true;
  pool.nextLookMs = Math.min(nowMs + LOOK_MS, Math.max(nowMs + MIN_LOOK_MS, pool.nextDueMs));
}

/** What has to be done since the last time, frames last; to be called once per tick. */
export function drainPool(pool: KeyPool, nowMs: number): readonly PoolOutput[] {
  if (pool.freed) serveWaiting(pool, nowMs);
  checkFloor(pool);
  updateAffinity(pool, nowMs);
  updateInfo(pool, nowMs);
  const info = (): PoolInfo => infoNow(pool, nowMs);
  for (const connection of pool.connections.values()) {
    const frame = connection.take({ keys: pool.keys, proxies: pool.proxies, pool: info, nowMs });
    if (frame !== undefined) pool.outputs.push({ kind: 'frame', connection: connection.id, frame });
  }
  const { outputs } = pool;
  pool.outputs = [];
  return outputs;
}

/** States and history that are not written yet; a key that is being rotated is written by its rotation. */
export function takePoolWrites(pool: KeyPool): PoolWrites {
  return pool.writes.take((id) => {
    const key = pool.keys.get(id);
    return key === undefined || key.rotating ? undefined : key.state;
  });
}

function updateAffinity(pool: KeyPool, nowMs: number): void {
  const isDue = pool.affinityDue && nowMs >= pool.affinityNotBeforeMs;
  if (!isDue && nowMs < pool.nextAffinityMs) return;
  const usable = [...pool.keys.keys()].filter((id) => pool.ring.has(id));
  const delta = pool.affinity.update(usable, nowMs, pool.replaced);
  pool.replaced.clear();
  pool.affinityDue = false;
  pool.nextAffinityMs = nowMs + AFFINITY_EVERY_MS;
  pool.affinityNotBeforeMs = nowMs + pool.affinity.size / BUCKETS_PER_MS;
  if (delta === undefined) return;
  for (const { draft } of pool.connections.values()) {
    // one that gets the whole table in this tick gets it as it is now
    draft.affinity = draft.affinity === undefined ? delta : pool.affinity.snapshot();
  }
}

/** Durations run down by themselves: only what begins, ends or goes on is news. */
function updateInfo(pool: KeyPool, nowMs: number): void {
  const { holds, told } = pool;
  const isHeld = holds.provider !== undefined;
  const probeWanted = isProbeWanted(pool, nowMs);
  const goesOn = isHeld && nowMs >= pool.toldHeldMs + TELL_HELD_EVERY_MS;
  if (isHeld === told.isHeld && probeWanted === told.probeWanted && !pool.infoDue && !goesOn) return;
  pool.infoDue = false;
  pool.toldHeldMs = nowMs;
  pool.told = { isHeld, probeWanted, cooldownEndMs: nextCooldownMs(pool, nowMs) };
  for (const { draft } of pool.connections.values()) draft.pool = true;
}

function isProbeWanted({ holds, probeable }: KeyPool, nowMs: number): boolean {
  if (holds.provider === undefined && probeable.size > 0) return true;
  return holds.any && holds.probePaths(nowMs).length > 0;
}

function infoNow(pool: KeyPool, nowMs: number): PoolInfo {
  const { provider } = pool.holds;
  const endMs = nextCooldownMs(pool, nowMs);
  return {
    heldForMs: provider === undefined ? 0 : Math.ceil(Math.max(HELD_FOR_MS, provider.untilMs - nowMs)),
    probeWanted: isProbeWanted(pool, nowMs),
    nextCooldownMs: endMs === undefined ? 0 : Math.ceil(endMs - nowMs),
  };
}
