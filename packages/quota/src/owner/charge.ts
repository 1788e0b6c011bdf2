import { BEHAVIOURS, DIMENSIONS, vector } from '../dimensions.ts';
import type { Amounts } from '../dimensions.ts';
import { send } from './owner-state.ts';
import type { HolderRecord, OwnerScope, QuotaOwner, Share } from './owner-state.ts';
import { addUse, dropShareIfEmpty, setOutstanding, shareOf } from './scope-books.ts';
import { serve } from './serve.ts';

/** One event was charged; to be told in the order of the charges. */
export interface Charge {
  readonly epoch: string;
  /** The number of the event among those of the epoch. */
  readonly event: number;
  /** The events 1..upTo of the epoch are charged now. */
  readonly upTo: number;
  /** The number of the request among those that the holder admitted, as its admission says. */
  readonly opened: number;
  readonly scopes: readonly {
    readonly scope: string;
    /** What the holder kept for this event when the request ended; of a lost one, what its admission had reserved. */
    readonly reserved: Amounts;
    readonly costNanoUsd: number;
  }[];
}

export function applyCharge(owner: QuotaOwner, charge: Charge, nowMs: number): void {
  const record = owner.holders.get(charge.epoch);
  for (const part of charge.scopes) {
    const scope = owner.scopes.get(part.scope);
    if (scope !== undefined) scope.spent.nanoUsd += part.costNanoUsd;
    if (record === undefined) continue;
    if (record.connection !== undefined && !record.ready) rememberForHello(record, part);
    if (scope === undefined) continue;
    const share = record.ready ? shareOf(record, scope) : record.shares.get(part.scope);
    if (share === undefined) continue;
    settleShare(share, { scope, record, charge, reserved: part.reserved, nowMs });
    dropShareIfEmpty(owner, { record, scope }, nowMs);
    serve(owner, scope, nowMs);
  }
  send(owner, charge.epoch, { kind: 'committed', upTo: charge.upTo });
}

function rememberForHello(record: HolderRecord, part: { readonly scope: string; readonly reserved: Amounts }): void {
  const ahead = record.handshakeCharges.get(part.scope) ?? vector();
  for (const dimension of DIMENSIONS) {
    if (BEHAVIOURS[dimension].fate === 'charged') ahead[dimension] += part.reserved[dimension] ?? 0;
  }
  record.handshakeCharges.set(part.scope, ahead);
}

function settleShare(
  share: Share,
  options: {
    readonly scope: OwnerScope;
    readonly record: HolderRecord;
    readonly charge: Charge;
    readonly reserved: Amounts;
    readonly nowMs: number;
  },
): void {
  const { scope, record, charge, reserved, nowMs } = options;
  // What was admitted after the last state was unspent there, as far as there was any; the rest was on its way.
  const unseen = charge.opened > record.opened;
  for (const dimension of DIMENSIONS) {
    const amount = reserved[dimension] ?? 0;
    const { fate, windowed } = BEHAVIOURS[dimension];
    // Requests count since their admission; and of one that had ended before the last state the rest was free there.
    if (amount === 0 || fate === 'used_at_admission' || (fate !== 'charged' && charge.event <= record.ended)) continue;
    const wasUnspent = unseen ? Math.min(amount, share.unspent[dimension]) : 0;
    if (fate !== 'charged' && !record.expired) {
      // The holder may give the same to another request until its ttl.
      share.unspent[dimension] += amount - wasUnspent;
      continue;
    }
    share.unspent[dimension] -= wasUnspent;
    if (fate === 'charged') share.chargedAhead[dimension] += amount;
    // What expired is not outstanding any more.
    const freed = Math.min(share.outstanding[dimension], record.expired ? amount - wasUnspent : amount);
    setOutstanding(scope, share, { dimension, to: share.outstanding[dimension] - freed });
    if (windowed) addUse(scope, dimension, { atMs: nowMs, amount: freed });
  }
}
