import { z } from 'zod';
import type { BackupKey } from '../domain/rotation-plan.ts';
import { faultOf, Flag, Id, Moment } from './field-schemas.ts';
import type { SecretBox } from './secret-box.ts';
import { openSecret, type Fault } from './stored-key.ts';

const BackupDocument = z.object({
  _id: Id,
  apiKey: z.string().min(1),
  isUsed: Flag(false),
  activated: z.boolean().nullish(),
  usedFor: Id.nullish().catch(undefined),
  usedAt: Moment,
  enableFailover: z.boolean().nullish(),
  createdAt: Moment,
});

/** A backup key, opened. */
export function readBackup(document: unknown, box: SecretBox): BackupKey | Fault {
  const parsed = BackupDocument.safeParse(document);
  if (!parsed.success) return { fault: faultOf(parsed.error) };
  const { _id, apiKey, activated, usedFor, usedAt, enableFailover, createdAt, isUsed } = parsed.data;
  const opened = openSecret(apiKey, box);
  if (typeof opened !== 'string') return opened;
  return {
    id: _id,
    apiKey: opened,
    isUsed,
    // without the field it is whether the key that it replaces is gone: `load` has seen to that
    activated: isUsed && (activated ?? true),
    usedFor: usedFor ?? undefined,
    usedAtMs: usedAt,
    enableFailover: enableFailover ?? undefined,
    createdAtMs: createdAt ?? 0,
  };
}
