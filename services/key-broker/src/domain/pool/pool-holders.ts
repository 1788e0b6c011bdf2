import { bucketOf } from '@omg/affinity';
import {
  ownerConnect,
  ownerDisconnect,
  ownerFree,
  ownerReceive,
  ownerRecall,
  type HolderMessage,
  type ScopeState,
} from '@omg/quota';
import { PoolConnection } from './frame-draft.ts';
import type { KeyPool } from './key-pool.ts';
import { forgetConnection, freeKey, handleQuota } from './pool-quota.ts';
import { takeOfPool } from './pool-takes.ts';

/** A holder opened a stream: it is told everything, and what it opened before is worth nothing any more. */
export function connectHolder(pool: KeyPool, connection: string, epoch: string, nowMs: number): void {
  for (const known of pool.connections.values()) {
    if (known.epoch !== epoch) continue;
    forgetConnection(pool, known.id);
    if (known.id !== connection) pool.outputs.push({ kind: 'close', connection: known.id });
  }
  const holder = new PoolConnection(connection, epoch);
  const { draft } = holder;
  for (const id of pool.keys.keys()) draft.keys.add(id);
  for (const id of pool.proxies.ids) draft.proxies.add(id);
  draft.snapshot = true;
  draft.pool = true;
  draft.affinity = pool.affinity.snapshot();
  pool.connections.set(connection, holder);
  handleQuota(pool, ownerConnect(pool.owner, { connection, epoch, upTo: 0 }, nowMs), nowMs);
}

export function disconnectHolder(pool: KeyPool, connection: string, nowMs: number): void {
  forgetConnection(pool, connection);
  handleQuota(pool, ownerDisconnect(pool.owner, connection, nowMs), nowMs);
}

export function receiveOfHolder(pool: KeyPool, connection: string, message: HolderMessage, nowMs: number): void {
  const holder = pool.connections.get(connection);
  if (holder === undefined) return;
  if (message.kind === 'take') {
    // before its Hello nothing could be granted
    if (pool.owner.holders.get(holder.epoch)?.ready === true) takeOfPool(pool, connection, message, nowMs);
    return;
  }
  handleQuota(pool, ownerReceive(pool.owner, { connection, message }, nowMs), nowMs);
  for (const { scope } of message.states) freeKey(pool, scope, nowMs);
  if (message.kind === 'hello') hello(pool, holder, message.states, nowMs);
}

function hello(pool: KeyPool, holder: PoolConnection, states: readonly ScopeState[], nowMs: number): void {
  pool.freed = true;
  for (const { scope, unspent, committed } of states) {
    const has = (unspent.slots ?? 0) + (committed.slots ?? 0);
    if (has === 0 || !pool.keys.has(scope)) continue;
    // it may go on to use it, so it has to know how
    holder.tellAccess(scope);
    // limits may have been lowered while it was away
    const free = ownerFree(pool.owner, scope, nowMs);
    for (const dimension of ['slots', 'requests', 'tokens'] as const) {
      if ((free?.[dimension] ?? 0) >= 0) continue;
      handleQuota(pool, ownerRecall(pool.owner, { scope, dimension }, nowMs), nowMs);
    }
  }
}

export function touchBuckets(pool: KeyPool, buckets: readonly number[], nowMs: number): void {
  for (const bucket of buckets) pool.affinity.touch(bucket, nowMs);
}

/** A holder has missed something of the affinity table. */
export function sendAffinity(pool: KeyPool, connection: string): void {
  const holder = pool.connections.get(connection);
  if (holder !== undefined) holder.draft.affinity = pool.affinity.snapshot();
}

/** The key that conversations of this hash stay with; empty where there is none. */
export function keyOfConversation(pool: KeyPool, hash: number, nowMs: number): string {
  const bucket = bucketOf(hash, pool.affinity.size);
  pool.affinity.touch(bucket, nowMs);
  return pool.affinity.keyOf(bucket) ?? '';
}
