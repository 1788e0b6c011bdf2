import { OmgError } from '@omg/errors';
import { PURSE_OF, type CreditEntry } from '../../domain/credits.ts';
import { invalid, noTenant, type AdminDeps } from './admin-deps.ts';
import { checkAmount, checkReason } from './check-terms.ts';

export interface RefundRequestInput {
  readonly requestId: string;
  readonly kind: 'refund' | 'void';
  /** Undefined: all that it cost. */
  readonly nanoUsd: bigint | undefined;
  readonly reason: string;
  readonly actor: string;
}

/** The entry that gives a request's charge back: its id is the request's, so that there is one of them at most. */
function refundIdOf(requestId: string): string {
  return `refund/${requestId}`;
}

/** Gives back what a request cost, or a part of it; once for each request. */
export function makeRefundRequest(deps: AdminDeps): (input: RefundRequestInput) => Promise<CreditEntry> {
  return async ({ requestId, kind, nanoUsd: asked, reason, actor }) => {
    const charge = await deps.store.charge(requestId);
    if (charge === undefined)
      throw new OmgError('not_found', `no request ${JSON.stringify(requestId)} is in the books`);
    const { tenantId, costNanoUsd } = charge;
    if (kind === 'void' && asked !== undefined) invalid('a void gives back all that the request cost');
    if (costNanoUsd === 0n) throw new OmgError('failed_precondition', 'the request cost nothing');
    const nanoUsd = checkAmount(asked ?? costNanoUsd);
    if (nanoUsd < 0n || nanoUsd > costNanoUsd) invalid('a refund is of no more than the request cost');
    checkReason(reason);
    const id = refundIdOf(requestId);
    return await deps.store.transaction(async (transaction) => {
      if ((await transaction.raiseVersion(tenantId)) === undefined) noTenant(tenantId);
      if ((await transaction.credit(id)) !== undefined)
        throw new OmgError('already_exists', `the charge of ${requestId} was given back already`);
      const purse = PURSE_OF[kind] ?? 'credits';
      return await transaction.addCredit({
        id,
        tenantId,
        kind,
        purse,
        nanoUsd,
        reason,
        actor,
        requestId,
        at: deps.clock.now(),
      });
    });
  };
}
