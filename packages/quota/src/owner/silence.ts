import { BEHAVIOURS, DIMENSIONS, vector } from '../dimensions.ts';
import { WINDOW_MS } from '../timing.ts';
import type { HolderRecord, QuotaOwner } from './owner-state.ts';
import { addUse, dropShareIfEmpty, scopeOf, setOutstanding } from './scope-books.ts';
import { forget, serve } from './serve.ts';

/** The stream has ended. What the holder has stays its own until the ttl. */
export function disconnect(owner: QuotaOwner, connection: string, nowMs: number): void {
  const epoch = owner.connections.get(connection);
  if (epoch === undefined) return;
  owner.connections.delete(connection);
  const record = owner.holders.get(epoch);
  if (record?.connection !== connection) return;
  record.connection = undefined;
  record.ready = false;
  const scopes = Array.from(record.takes, (take) => {
    const { scope } = take;
    forget(take);
    return scope;
  });
  for (const scope of new Set(scopes)) if (scope !== undefined) serve(owner, scope, nowMs);
}

/** Takes back what a silent holder may not use any more, and at last what its requests had. */
export function checkHolder(owner: QuotaOwner, record: HolderRecord, nowMs: number): void {
  const expiryMs = record.heardMs + owner.ttlMs;
  if (nowMs < expiryMs) {
    watch(owner, record, expiryMs);
    return;
  }
  if (!record.expired) {
    record.expired = true;
    if (record.connection !== undefined) {
      owner.outputs.push({ kind: 'close', connection: record.connection });
      disconnect(owner, record.connection, nowMs);
    }
    takeBack(owner, record, { part: 'unspent', nowMs });
  }
  const releaseMs = expiryMs + owner.longestRequestMs;
  if (!record.released) {
    // Where the stream's time counts, `ownerStreamTime` asks again.
    if ((owner.byStreamTime ? owner.streamMs : nowMs) < releaseMs) {
      if (!owner.byStreamTime) watch(owner, record, releaseMs);
      return;
    }
    record.released = true;
    takeBack(owner, record, { part: 'all', nowMs });
  }
  // Until then the window holds use that this holder reported, and must not report again.
  const forgetMs = expiryMs + WINDOW_MS;
  if (nowMs < forgetMs) {
    watch(owner, record, forgetMs);
    return;
  }
  owner.holders.delete(record.epoch);
  owner.outputs.push({ kind: 'gone', epoch: record.epoch });
}

/** Looks again at the holder then, and not before. */
export function watch(owner: QuotaOwner, record: HolderRecord, atMs: number): void {
  record.timerMs = atMs;
  owner.timers.add(atMs, { kind: 'holder', epoch: record.epoch, atMs });
}

function takeBack(owner: QuotaOwner, record: HolderRecord, options: { part: 'unspent' | 'all'; nowMs: number }): void {
  const { part, nowMs } = options;
  for (const [id, share] of record.shares) {
    const scope = scopeOf(owner, id);
    for (const dimension of DIMENSIONS) {
      const has = share.outstanding[dimension];
      const all = part === 'all' || (owner.borrowedEndsWithTtl && BEHAVIOURS[dimension].fate === 'returned');
      const amount = all ? has : Math.min(has, share.unspent[dimension] + share.inFlightWant[dimension]);
      // From here on it says how much of what the holder may have given to requests is not outstanding any more.
      share.unspent[dimension] = all ? 0 : amount;
      share.inFlightWant[dimension] = 0;
      if (amount <= 0) continue;
      setOutstanding(scope, share, { dimension, to: has - amount });
      if (BEHAVIOURS[dimension].windowed) {
        // It may have been used until now, and nobody tells.
        addUse(scope, dimension, { atMs: nowMs, amount });
        record.presumed.push({ scope: id, dimension, atMs: nowMs, amount });
      }
    }
    if (part === 'all') {
      Object.assign(share.inFlight, vector());
      Object.assign(share.chargedAhead, vector());
      share.overdraft = false;
    }
    dropShareIfEmpty(owner, { record, scope }, nowMs);
    serve(owner, scope, nowMs);
  }
}
