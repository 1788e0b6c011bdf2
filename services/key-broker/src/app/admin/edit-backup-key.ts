import { OmgError } from '@omg/errors';
import { isKeyOf } from '../../domain/provider-registry.ts';
import type { AdminDeps } from './admin-deps.ts';
import { existingBackup, reportBackup, type BackupReport } from './backup-report.ts';
import { apiKeyFault } from './key-fields.ts';

export interface EditBackupKeyInput {
  readonly provider: string;
  readonly backupId: string;
  /** Undefined: as it is. */
  readonly apiKey: string | undefined;
  readonly enableFailover: boolean | undefined;
  readonly actor: string;
}

export function makeEditBackupKey(
  deps: AdminDeps & { readonly usedBackupTtlMs: number },
): (input: EditBackupKeyInput) => Promise<BackupReport> {
  return async ({ provider, backupId, apiKey, enableFailover, actor }) => {
    const office = deps.offices.get(provider);
    if (apiKey === undefined && enableFailover === undefined) {
      throw new OmgError('invalid_argument', `nothing is to be changed of ${backupId}: name at least one field`);
    }
    if (apiKey !== undefined && !isKeyOf(office.provider, apiKey)) {
      throw new OmgError('invalid_argument', `${backupId}: ${apiKeyFault(office.provider, apiKey)}`);
    }
    if (existingBackup(office, backupId).isUsed) {
      throw new OmgError('failed_precondition', `${backupId} is used: edit the key of that name in the pool`);
    }
    const change = {
      ...(apiKey === undefined ? {} : { secret: apiKey }),
      ...(enableFailover === undefined ? {} : { enableFailover }),
    };
    const edited = await office.store.editBackup(backupId, change, { actor, nowMs: deps.clock.nowMs() });
    await office.refresh();
    return reportBackup(edited ?? existingBackup(office, backupId), deps.usedBackupTtlMs);
  };
}
