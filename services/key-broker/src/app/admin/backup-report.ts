import { OmgError } from '@omg/errors';
import type { BackupKey } from '../../domain/rotation-plan.ts';
import type { PoolOffice } from '../pool-office.ts';

/** What is shown of a backup key, its secret apart, which is masked where it leaves. */
export interface BackupReport {
  readonly backup: BackupKey;
  /** Until then its rotation can be taken back; undefined while it is unused. */
  readonly deletedAtMs: number | undefined;
}

export function reportBackup(backup: BackupKey, usedBackupTtlMs: number): BackupReport {
  const { isUsed, usedAtMs } = backup;
  return { backup, deletedAtMs: isUsed && usedAtMs !== undefined ? usedAtMs + usedBackupTtlMs : undefined };
}

export function existingBackup(office: PoolOffice, backupId: string, hint = ''): BackupKey {
  const backup = office.backupsNow().find(({ id }) => id === backupId);
  if (backup !== undefined) return backup;
  throw new OmgError('not_found', `${office.provider.name} has no backup key ${JSON.stringify(backupId)}${hint}`);
}
