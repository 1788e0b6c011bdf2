import { isKeyOf } from '../../domain/provider-registry.ts';
import type { LineResult, NewBackup } from '../pool-store.ts';
import type { AdminDeps } from './admin-deps.ts';
import { apiKeyFault } from './key-fields.ts';
import { lineByLine } from './line-by-line.ts';
import { nameFault } from './name-fault.ts';

export interface AddBackupKeysInput {
  readonly provider: string;
  readonly backups: readonly NewBackup[];
  readonly actor: string;
  /** Only says what would become of them. */
  readonly dryRun: boolean;
}

export function makeAddBackupKeys({
  offices,
  clock,
}: AdminDeps): (input: AddBackupKeysInput) => Promise<readonly LineResult[]> {
  return async ({ provider, backups, actor, dryRun }) => {
    const office = offices.get(provider);
    const by = { actor, nowMs: clock.nowMs() };
    const results = await lineByLine({
      lines: backups,
      faultOf: ({ id, secret }) =>
        nameFault(id) ?? (isKeyOf(office.provider, secret) ? undefined : apiKeyFault(office.provider, secret)),
      run: async (good) => await office.store.addBackups(good, by, { dryRun }),
    });
    if (!dryRun && results.some(({ ok }) => ok)) await office.refresh();
    return results;
  };
}
