import type { AdminDeps } from './admin-deps.ts';
import { reportBackup, type BackupReport } from './backup-report.ts';
import { byName } from './page.ts';

export interface ListBackupKeysInput {
  readonly provider: string;
  /** Only those that are not used. */
  readonly unused: boolean;
}

export function makeListBackupKeys(
  deps: Pick<AdminDeps, 'offices'> & { readonly usedBackupTtlMs: number },
): (input: ListBackupKeysInput) => readonly BackupReport[] {
  return ({ provider, unused }) => {
    const backups = deps.offices
      .get(provider)
      .backupsNow()
      .filter(({ isUsed }) => !unused || !isUsed);
    return byName(backups, ({ id }) => id).map((backup) => reportBackup(backup, deps.usedBackupTtlMs));
  };
}
