import type { keyAdminV1 } from '@omg/proto-gen';
import type { BackupReport } from '../app/admin/backup-report.ts';
import { maskKey } from '../domain/mask-key.ts';
import { toDate } from './to-date.ts';

export function toBackupKeyView({ backup, deletedAtMs }: BackupReport): keyAdminV1.BackupKeyView {
  return {
    keyId: backup.id,
    maskedKey: maskKey(backup.apiKey),
    used: backup.isUsed,
    activated: backup.activated,
    usedFor: backup.usedFor ?? '',
    usedAt: toDate(backup.usedAtMs),
    deletedAt: toDate(deletedAtMs),
    enableFailover: backup.enableFailover,
    createdAt: new Date(backup.createdAtMs),
  };
}
