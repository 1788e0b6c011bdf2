import { OmgError } from '@omg/errors';
import type {
  AddOptions,
  AdminCause,
  BackupEdit,
  By,
  HistoryRecord,
  LineResult,
  NewBackup,
} from '../app/pool-store.ts';
import type { BackupKey } from '../domain/rotation-plan.ts';
import { Id } from './field-schemas.ts';
import { writeHistory } from './key-history.ts';
import { oneOf } from './pool-collections.ts';
import { againWhereDuplicate, type PoolContext } from './pool-context.ts';
import { forgetArchived } from './rotation-steps.ts';
import { readBackup } from './stored-backup.ts';
import { checkCount, judgeLines, resultsOf, secretsIn } from './take-lines.ts';

export async function addBackups(
  context: PoolContext,
  backups: readonly NewBackup[],
  { dryRun = false, ...by }: By & AddOptions,
): Promise<readonly LineResult[]> {
  return await againWhereDuplicate(
    async () =>
      await context.transaction(async (session) => {
        const results = await judgeLines(context, backups, session);
        const added = backups.filter((_, index) => results[index]?.ok === true);
        if (dryRun || added.length === 0) return results;
        await context.collections.backups.insertMany(
          added.map(({ id, secret, enableFailover }) => ({
            _id: id,
            apiKey: context.box.seal(secret),
            isUsed: false,
            activated: false,
            ...(enableFailover !== undefined && { enableFailover }),
            createdAt: new Date(by.nowMs),
          })),
          { session },
        );
        await writeHistory(
          context,
          added.map(({ id }) => entryOf(id, 'add_backup', by)),
          session,
        );
        return results;
      }),
  );
}

export async function editBackup(
  context: PoolContext,
  id: string,
  { secret, actor, nowMs, ...change }: BackupEdit & By,
): Promise<BackupKey | undefined> {
  const { backups } = context.collections;
  return await context.transaction(async (session) => {
    const before = await backups.findOne({ _id: oneOf([id]) }, { session });
    if (before === null) return undefined;
    if (secret !== undefined) {
      if (before['isUsed'] === true) {
        throw new OmgError('failed_precondition', 'the backup key is used: its key is in the pool');
      }
      const taken = await secretsIn(context, [secret], session);
      if (taken.has(secret)) throw new OmgError('already_exists', taken.get(secret) ?? '');
    }
    const apiKey = secret === undefined ? context.box.sealed(String(before['apiKey'])) : context.box.seal(secret);
    // a change that says undefined takes the field away, one that does not say it leaves it
    const isCleared = 'enableFailover' in change && change.enableFailover === undefined;
    await backups.updateOne(
      { _id: before._id },
      {
        $set: {
          apiKey,
          ...(change.enableFailover !== undefined && { enableFailover: change.enableFailover }),
        },
        ...(isCleared && { $unset: { enableFailover: '' } }),
      },
      { session },
    );
    await writeHistory(context, [entryOf(id, 'edit_backup', { actor, nowMs })], session);
    const after = readBackup(await backups.findOne({ _id: before._id }, { session }), context.box);
    if ('fault' in after) throw new OmgError('failed_precondition', `the backup key cannot be read: ${after.fault}`);
    return after;
  });
}

export async function deleteBackups(
  context: PoolContext,
  ids: readonly string[],
  by: By,
): Promise<readonly LineResult[]> {
  checkCount(ids.length);
  const { backups } = context.collections;
  return await context.transaction(async (session) => {
    const documents = await backups.find({ _id: oneOf(ids) }, { session }).toArray();
    await backups.deleteMany({ _id: { $in: documents.map(({ _id }) => _id) } }, { session });
    for (const { usedFor } of documents) {
      const oldId = Id.safeParse(usedFor);
      if (oldId.success) await forgetArchived(context, oldId.data, session);
    }
    const there = new Set(documents.map(({ _id }) => String(_id)));
    await writeHistory(
      context,
      [...there].map((id) => entryOf(id, 'delete_backup', by)),
      session,
    );
    return resultsOf(ids, there, 'backup key');
  });
}

/** A backup key is in no state: it is not in the pool. */
function entryOf(keyId: string, cause: AdminCause, { actor, nowMs }: By): HistoryRecord {
  return { keyId, cause, from: 'gone', to: 'gone', generation: 0n, actor, atMs: nowMs };
}
