import { OmgError } from '@omg/errors';
import type { AccountTransaction } from './account-store.ts';
import { invalid, type AdminDeps } from './admin-deps.ts';
import { checkId, checkName } from './check-terms.ts';
import { seedAccount, type SeedAccount, type SeedResult } from './seed-account.ts';

const MOST = 500;
const NOTHING: SeedResult = { tenantCreated: false, creditsGiven: false, keysCreated: 0, keysKnown: 0 };

export interface ImportAccountsInput {
  readonly source: string;
  readonly accounts: readonly SeedAccount[];
  readonly actor: string;
  readonly dryRun: boolean;
}

export interface ImportedAccount extends SeedResult {
  readonly tenantId: string;
  /** Why nothing of it was taken over; empty where it was. */
  readonly reason: string;
}

/** Takes over accounts, each for itself: all of one or nothing. */
export function makeImportAccounts(
  deps: AdminDeps,
): (input: ImportAccountsInput) => Promise<readonly ImportedAccount[]> {
  return async ({ source, accounts, actor, dryRun }) => {
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(source)) invalid('source must be a name such as trollllm');
    if (accounts.length > MOST) invalid(`at most ${MOST} accounts at once`);
    const options = { origin: `import/${source}`, actor, reason: `taken over from ${source}`, follows: false };
    const results: ImportedAccount[] = [];
    for (const account of accounts) {
      const { id } = account.tenant;
      try {
        checkAccount(account);
        const seeded = await run(
          deps,
          dryRun,
          async (transaction) => await seedAccount(deps, transaction, { account, options }),
        );
        results.push({ tenantId: id, reason: '', ...seeded });
      } catch (error) {
        if (!(error instanceof OmgError) || !REFUSALS.has(error.code)) throw error;
        results.push({ tenantId: id, reason: error.message, ...NOTHING });
      }
    }
    return results;
  };
}

const REFUSALS: ReadonlySet<OmgError['code']> = new Set(['invalid_argument', 'already_exists', 'failed_precondition']);

function checkAccount({ tenant, keys }: SeedAccount): void {
  checkId('a tenant', tenant.id);
  checkName(tenant.name);
  for (const { id, name, secret } of keys) {
    checkId('a client key', id);
    checkName(name);
    if (secret.digest.length !== 32) invalid(`the digest of ${id} is not one of SHA-256`);
    if (!/^[\x21-\x7e]{0,16}$/.test(secret.prefix) || !/^[\x21-\x7e]{0,4}$/.test(secret.lastFour))
      invalid(`too much of ${id} is shown`);
  }
}

/** What a dry run throws, so that nothing of it stays. */
class DryRunEnded extends Error {
  readonly result: SeedResult;

  constructor(result: SeedResult) {
    super('a dry run ends like this');
    this.result = result;
  }
}

async function run(
  { store }: AdminDeps,
  dryRun: boolean,
  work: (transaction: AccountTransaction) => Promise<SeedResult>,
): Promise<SeedResult> {
  if (!dryRun) return await store.transaction(work);
  try {
    return await store.transaction(async (transaction): Promise<SeedResult> => {
      throw new DryRunEnded(await work(transaction));
    });
  } catch (error) {
    if (error instanceof DryRunEnded) return error.result;
    throw error;
  }
}
