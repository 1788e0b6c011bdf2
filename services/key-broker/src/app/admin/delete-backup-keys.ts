import type { LineResult } from '../pool-store.ts';
import type { AdminDeps } from './admin-deps.ts';
import { requireLines } from './line-by-line.ts';

export interface DeleteBackupKeysInput {
  readonly provider: string;
  readonly backupIds: readonly string[];
  readonly actor: string;
}

/** A used one may go too; its rotation cannot be taken back then. */
export function makeDeleteBackupKeys({
  offices,
  clock,
}: AdminDeps): (input: DeleteBackupKeysInput) => Promise<readonly LineResult[]> {
  return async ({ provider, backupIds, actor }) => {
    const office = offices.get(provider);
    requireLines(backupIds.length);
    const results = await office.store.deleteBackups(backupIds, { actor, nowMs: clock.nowMs() });
    await office.refresh();
    return results;
  };
}
