import { ownerFree, type Amounts } from '@omg/quota';
import type { KeyPool } from './key-pool.ts';
import type { PoolKey } from './pool-key.ts';

/** As long as @omg/quota's owner waits for all holders that it knows of, before it gives those who are there a part. */
const COLLECT_MS = 1_000;

/** Who asks, and for what. */
export interface Need {
  readonly amounts: Amounts;
  readonly epoch: string;
  readonly nowMs: number;
}

/** Undefined, or until when it is not known who has which slots: nothing is granted before. */
export function collectsUntilMs({ owner }: KeyPool, nowMs: number): number | undefined {
  const untilMs = owner.startedMs + COLLECT_MS;
  return owner.missing.size > 0 && nowMs < untilMs ? untilMs : undefined;
}

/** A holder that was not told yet which limits the key has may have asked for more, or for less. */
export function limited({ facts }: PoolKey, asked: Amounts): Amounts & { readonly slots: number } {
  const { requestsPerMinute, tokensPerMinute } = facts.terms;
  return {
    slots: Math.max(1, asked.slots ?? 1),
    ...(requestsPerMinute !== undefined && { requests: Math.max(1, asked.requests ?? 1) }),
    ...(tokensPerMinute !== undefined && { tokens: asked.tokens ?? 0 }),
  };
}

/** Whether the quota's owner would grant it at once; `full`: nor anything less to anybody. */
export function roomOf(pool: KeyPool, key: PoolKey, { amounts, epoch, nowMs }: Need): 'yes' | 'no' | 'full' {
  const free = ownerFree(pool.owner, key.facts.id, nowMs);
  if (free === undefined) return 'no';
  const { slots = 0, requests = 0, tokens = 0 } = free;
  if (slots < 1 || requests < 1 || tokens <= 0) return 'full';
  const need = limited(key, amounts);
  if (need.slots > slots || (need.requests ?? 0) > requests || (need.tokens ?? 0) > tokens) return 'no';
  return isWithinFairPart(pool, key, need, epoch) ? 'yes' : 'no';
}

/** When there is room for the need again, as far as the windows tell; undefined: slots are in the way, or nothing is. */
export function roomAtMs(pool: KeyPool, key: PoolKey, { amounts, nowMs }: Need): number | undefined {
  const scope = pool.owner.scopes.get(key.facts.id);
  const free = ownerFree(pool.owner, key.facts.id, nowMs);
  const need = limited(key, amounts);
  if (scope === undefined || free === undefined || (free.slots ?? 0) < need.slots) return undefined;
  const times = (['requests', 'tokens'] as const).map((dimension) => {
    const lacking = (need[dimension] ?? 0) - (free[dimension] ?? 0);
    return lacking <= 0 ? nowMs : (scope.windows[dimension]?.freeAtMs(lacking) ?? Infinity);
  });
  const atMs = Math.max(...times);
  return atMs > nowMs && atMs < Infinity ? atMs : undefined;
}

/** While holders of the owner before have not said what they have, each that is there may have its part. */
function isWithinFairPart({ owner }: KeyPool, { facts }: PoolKey, need: Amounts, epoch: string): boolean {
  if (owner.missing.size === 0) return true;
  const limit = owner.scopes.get(facts.id)?.limit;
  const share = owner.holders.get(epoch)?.shares.get(facts.id);
  const holders = Math.max(owner.knownCount, owner.holders.size);
  return (['slots', 'requests', 'tokens'] as const).every((dimension) => {
    const has = (dimension === 'slots' ? share?.outstanding : share?.warm)?.[dimension] ?? 0;
    const most = limit?.[dimension] ?? 0;
    return most === Infinity || has + (need[dimension] ?? 0) <= Math.ceil(most / holders);
  });
}
