import { ownerFree, ownerSetScope, type OwnerOutput } from '@omg/quota';
import type { KeyPool } from './key-pool.ts';
import type { PoolKey } from './pool-key.ts';
import { setWaiting } from './pool-waiting.ts';

/** What the quota's owner says goes to the holders; a grant comes with the secret of its key. */
export function handleQuota(pool: KeyPool, outputs: readonly OwnerOutput[], nowMs: number): void {
  for (const output of outputs) {
    switch (output.kind) {
      case 'send': {
        const connection = pool.connections.get(output.connection);
        if (connection === undefined) break;
        const { message } = output;
        connection.draft.quota.push(message);
        if (message.kind === 'grant') for (const { scope } of message.scopes) connection.tellAccess(scope);
        break;
      }
      case 'close':
        forgetConnection(pool, output.connection);
        pool.outputs.push(output);
        break;
      // a key that nobody used for a minute is forgotten there, and a holder that comes back may name one that is gone
      case 'evicted':
      case 'load': {
        const key = pool.keys.get(output.scope);
        if (key !== undefined) setScope(pool, key, nowMs);
        break;
      }
      case 'gone':
        pool.outputs.push({ kind: 'holder_gone', epoch: output.epoch });
    }
  }
}

export function slotsOf(pool: KeyPool, { facts }: PoolKey): number {
  return facts.terms.slots ?? pool.config.defaultSlots;
}

/** Nothing more is said there, and nobody waits there any more. */
export function forgetConnection(pool: KeyPool, connection: string): void {
  pool.connections.delete(connection);
  setWaiting(
    pool,
    pool.waiting.filter((waiting) => waiting.connection !== connection),
  );
  // those behind it may have their turn
  pool.freed = true;
}

/** Tells the quota's owner the limits of a key. */
export function setScope(pool: KeyPool, key: PoolKey, nowMs: number): void {
  const { requestsPerMinute: requests, tokensPerMinute: tokens } = key.facts.terms;
  const limits = { slots: slotsOf(pool, key), requests, tokens };
  const settings = { scope: key.facts.id, limits, version: key.scopeVersion };
  handleQuota(pool, ownerSetScope(pool.owner, settings, nowMs), nowMs);
  freeKey(pool, key.facts.id, nowMs);
}

/** What was granted of the key and is not in use is to come back. */
export function revokeScope(pool: KeyPool, key: PoolKey, nowMs: number): void {
  pool.scopeVersion += 1;
  key.scopeVersion = pool.scopeVersion;
  setScope(pool, key, nowMs);
}

/** Something of the key may have come back. */
export function freeKey(pool: KeyPool, keyId: string, nowMs: number): void {
  if (pool.ring.isFull(keyId) && (ownerFree(pool.owner, keyId, nowMs)?.slots ?? 0) >= 1) pool.ring.setFree(keyId);
  if (pool.waiting.length > 0) pool.freed = true;
}

/** Slots that requests run on, as far as the holders have said. */
export function slotsInUse({ owner }: KeyPool, keyId: string): number {
  let sum = 0;
  for (const { outstanding, unspent, inFlightWant } of owner.scopes.get(keyId)?.shares.values() ?? []) {
    sum += outstanding.slots - unspent.slots - inFlightWant.slots;
  }
  return Math.max(0, sum);
}
