import { availability } from '../key-availability.ts';
import type { KeyPool } from './key-pool.ts';

/** When the next cooldown of a key that may be used at all ends. */
export function nextCooldownMs(pool: KeyPool, nowMs: number): number | undefined {
  const { nextCooldown } = pool;
  if (nextCooldown !== undefined && nextCooldown.endMs > nowMs) return finite(nextCooldown.endMs);
  let endMs = Infinity;
  for (const id of pool.troubled) {
    const key = pool.keys.get(id);
    const untilMs = key?.state.cooldownUntilMs;
    if (key === undefined || untilMs === undefined || untilMs <= nowMs || untilMs >= endMs) continue;
    const may = availability(key.state, nowMs);
    if (!key.rotating && may.lease === 'none' && may.why === 'cooling') endMs = untilMs;
  }
  pool.nextCooldown = { endMs };
  return finite(endMs);
}

function finite(atMs: number): number | undefined {
  return atMs === Infinity ? undefined : atMs;
}
