import { OmgError } from '@omg/errors';
import { PURSE_OF, remainingOf, type CreditEntry, type CreditKind, type Purse } from '../../domain/credits.ts';
import { invalid, noTenant, type AdminDeps } from './admin-deps.ts';
import { checkAmount, checkReason } from './check-terms.ts';

export interface AddCreditInput {
  readonly tenantId: string;
  readonly kind: Extract<CreditKind, 'top_up' | 'grant' | 'adjust'>;
  /** Of an adjustment. */
  readonly purse: Purse | undefined;
  readonly nanoUsd: bigint;
  readonly reason: string;
  readonly actor: string;
  /** The same again is the same entry; empty: it is made up. */
  readonly entryId: string;
}

/** Gives to a purse; an adjustment may take, from refCredits no more than are left. */
export function makeAddCredit(deps: AdminDeps): (input: AddCreditInput) => Promise<CreditEntry> {
  return async (input) => {
    const { tenantId, kind, actor } = input;
    const purse = PURSE_OF[kind] ?? input.purse ?? invalid('an adjustment is of credits or of refCredits');
    const nanoUsd = checkAmount(input.nanoUsd);
    if (nanoUsd < 0n && kind !== 'adjust') invalid('only an adjustment may take');
    const entry = { tenantId, kind, purse, nanoUsd, reason: checkReason(input.reason), actor, requestId: undefined };
    const id = input.entryId === '' ? deps.makeId() : checkEntryId(input.entryId);
    return await deps.store.transaction(async (transaction) => {
      // first, so that charging waits and does not make this begin again
      const tenant = (await transaction.raiseVersion(tenantId)) ?? noTenant(tenantId);
      const known = await transaction.credit(id);
      if (known !== undefined) return sameEntry(known, entry);
      if (purse === 'refCredits' && nanoUsd < 0n && remainingOf(tenant.purses).refCredits + nanoUsd < 0n)
        throw new OmgError('failed_precondition', 'there are not so many refCredits left');
      return await transaction.addCredit({ id, ...entry, at: deps.clock.now() });
    });
  };
}

/** Ids of our own making have a slash: nobody else's can be the same. */
function checkEntryId(id: string): string {
  return /^[\w.:-]{1,128}$/.test(id)
    ? id
    : invalid('entry_id must be 1 to 128 letters, digits, dots, colons or dashes');
}

function sameEntry(
  known: CreditEntry,
  entry: Pick<CreditEntry, 'tenantId' | 'kind' | 'purse' | 'nanoUsd'>,
): CreditEntry {
  const names = ['tenantId', 'kind', 'purse', 'nanoUsd'] as const;
  if (names.every((name) => known[name] === entry[name])) return known;
  throw new OmgError('already_exists', `the entry ${known.id} is another one`);
}
