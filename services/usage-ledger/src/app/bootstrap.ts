import type { AdminDeps } from './admin/admin-deps.ts';
import { seedAccount, type SeedAccount } from './admin/seed-account.ts';

const OPTIONS = {
  origin: 'bootstrap',
  actor: 'bootstrap',
  reason: 'stated in the bootstrap file',
  follows: true,
} as const;

/**
 * Makes the accounts that a fresh system begins with. Again, it changes nothing but names, types, and secrets where the
 * file states another one; credits are given once, and what an operator has changed stays.
 */
export function makeBootstrap(
  deps: Pick<AdminDeps, 'store' | 'clock' | 'makeId'>,
): (accounts: readonly SeedAccount[]) => Promise<void> {
  return async (accounts) => {
    for (const account of accounts) {
      await deps.store.transaction(
        async (transaction) => await seedAccount(deps, transaction, { account, options: OPTIONS }),
      );
    }
  };
}
