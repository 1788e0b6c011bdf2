import { OmgError } from '@omg/errors';
import type { RestoreRefusal } from '../../domain/rotation-plan.ts';
import { existingKey, type AdminDeps } from './admin-deps.ts';
import { existingBackup } from './backup-report.ts';
import { makeKeyReporter, type KeyReport } from './key-report.ts';

export interface RestoreKeyInput {
  readonly provider: string;
  /** The backup key that was used. */
  readonly backupId: string;
  readonly actor: string;
}

const REFUSALS: Record<RestoreRefusal, string> = {
  not_used: 'it has taken no place, so there is nothing to take back',
  unfinished: 'its rotation is not finished; try again in a moment',
  old_key_unknown: 'nothing is kept of the key that it replaced; add that one again',
  successor_gone: 'it is no longer in the pool itself, so it cannot give its place back; add the old key again',
};

/** Takes a rotation back; the key that was restored. */
export function makeRestoreKey({ offices, clock }: AdminDeps): (input: RestoreKeyInput) => Promise<KeyReport> {
  return async ({ provider, backupId, actor }) => {
    const office = offices.get(provider);
    existingBackup(office, backupId, '; a used one is deleted in time, and its rotation cannot be taken back then');
    const nowMs = clock.nowMs();
    const result = await office.store.restore({ backupId, actor, nowMs });
    if ('refused' in result) {
      throw new OmgError('failed_precondition', `${backupId} is not taken back: ${REFUSALS[result.refused]}`);
    }
    await office.refresh();
    return makeKeyReporter(office, nowMs)(existingKey(office, result.restored.id));
  };
}
