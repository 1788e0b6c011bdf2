import { OmgError } from '@omg/errors';
import type { ClientSession } from 'mongodb';
import type { By, Restored, RotateOrder, Rotated } from '../app/pool-store.ts';
import type { LifeStatus } from '../domain/key-state.ts';
import {
  pickBackup,
  planExpiry,
  planRestore,
  planRotation,
  unfinishedFor,
  type RestoreRefusal,
} from '../domain/rotation-plan.ts';
import { writeHistory } from './key-history.ts';
import { oneOf, type StoredDocument } from './pool-collections.ts';
import { againWhereDuplicate, expectKey, type PoolContext } from './pool-context.ts';
import { bindingsOf } from './read-pool.ts';
import { applySteps, forgetArchived, readCase } from './rotation-steps.ts';
import { readBackup } from './stored-backup.ts';
import { readMarks } from './stored-key.ts';

const OWN_ACTOR = 'key-broker';
const MAX_EXPIRED = 1_000;
const PAGE = 100;

export async function rotate(context: PoolContext, order: RotateOrder): Promise<Rotated | undefined> {
  const { oldId, cause, actor, nowMs, state } = order;
  const { keys } = context.collections;
  return await againWhereDuplicate(
    async () =>
      await context.transaction(async (session) => {
        const old = await keys.findOne({ _id: oneOf([oldId]) }, { session });
        if (old === null) return await alreadyRotated(context, oldId, session);
        const backup = await nextBackup(context, session);
        if (backup === undefined) return undefined;
        const of = await readCase(context, { backup, oldId, again: true }, session);
        const steps = planRotation(of.facts, { oldId, cause, actor, nowMs });
        await applySteps(context, { steps, of, order: { nowMs, state } }, session);
        const { id } = of.facts.backup;
        const entry = { from: state.status, to: 'gone', generation: state.generation, actor, atMs: nowMs } as const;
        await writeHistory(context, [{ ...entry, keyId: oldId, cause, message: `replaced by ${id}` }], session);
        return await toRotated(context, { oldId, successorId: id }, session);
      }),
  );
}

/** Rotations that an older system, which knew no transactions, has left half done. */
export async function completeRotations(context: PoolContext): Promise<void> {
  const { collections, onFaulty } = context;
  const unfinished = { isUsed: true, activated: { $ne: true } };
  for (const { _id } of await collections.backups.find(unfinished, { projection: { _id: 1 } }).toArray()) {
    try {
      await context.transaction(async (session) => {
        const backup = await collections.backups.findOne({ _id, ...unfinished }, { session });
        if (backup !== null) await complete(context, backup, session);
      });
    } catch (error) {
      if (!(error instanceof OmgError) || error.code !== 'failed_precondition') throw error;
      onFaulty(collections.backups.collectionName, String(_id), error.message);
    }
  }
}

export async function restore(
  context: PoolContext,
  { backupId, actor, nowMs }: By & { readonly backupId: string },
): Promise<Restored | { readonly refused: RestoreRefusal }> {
  const { backups, keys } = context.collections;
  return await context.transaction(async (session) => {
    const backup = await backups.findOne({ _id: oneOf([backupId]) }, { session });
    if (backup === null) throw new OmgError('not_found', `there is no backup key ${JSON.stringify(backupId)}`);
    const read = readBackup(backup, context.box);
    if ('fault' in read) throw new OmgError('failed_precondition', `the backup key cannot be read: ${read.fault}`);
    const oldId = read.usedFor;
    if (oldId === undefined) return { refused: 'not_used' };
    const of = await readCase(context, { backup, oldId, again: false }, session);
    const steps = planRestore(of.facts);
    if ('refused' in steps) return steps;
    await applySteps(context, { steps, of, order: { nowMs } }, session);
    const restored = expectKey(context, await keys.findOne({ _id: oneOf([oldId]) }, { session }));
    const by = { cause: 'restore', actor, atMs: nowMs } as const;
    const removed = of.successor === undefined ? undefined : lifeOf(of.successor);
    const { status: to, generation } = restored.state;
    await writeHistory(
      context,
      [
        ...(removed === undefined
          ? []
          : [{ ...by, keyId: read.id, from: removed.status, to: 'gone' as const, generation: removed.generation }]),
        { ...by, keyId: oldId, from: 'gone', to, generation },
      ],
      session,
    );
    return {
      restored,
      removedId: removed === undefined ? undefined : read.id,
      bindings: await bindingsOf(context, [oldId], session),
    };
  });
}

export async function expireBackups(context: PoolContext, nowMs: number, ttlMs: number): Promise<number> {
  const { backups } = context.collections;
  const due = { isUsed: true, usedAt: { $lte: new Date(nowMs - ttlMs) } };
  // mostly there is nothing to do, and then nothing is written
  if ((await backups.findOne(due, { projection: { _id: 1 } })) === null) return 0;
  return await context.transaction(async (session) => {
    const documents = await backups.find(due, { session, limit: MAX_EXPIRED }).toArray();
    const used = documents.flatMap((document) => {
      const backup = readBackup(document, context.box);
      return 'fault' in backup ? [] : [backup];
    });
    let deleted = 0;
    for (const step of planExpiry(used, nowMs, ttlMs)) {
      if (step.type === 'forget_archived_key') await forgetArchived(context, step.keyId, session);
      if (step.type !== 'delete_backup') continue;
      await backups.deleteOne({ _id: oneOf([step.backupId]) }, { session });
      deleted += 1;
    }
    return deleted;
  });
}

/** The oldest that is unused, can be read and whose name is free. */
async function nextBackup(context: PoolContext, session: ClientSession): Promise<StoredDocument | undefined> {
  const { backups, keys } = context.collections;
  for (let skip = 0; ; skip += PAGE) {
    const page = await backups
      .find({ isUsed: { $ne: true } }, { session, sort: { createdAt: 1, _id: 1 }, skip, limit: PAGE })
      .toArray();
    const readable = page.flatMap((document) => {
      const backup = readBackup(document, context.box);
      if (!('fault' in backup)) return [{ document, backup }];
      context.onFaulty(backups.collectionName, String(document._id), backup.fault);
      return [];
    });
    const ids = readable.map(({ backup }) => backup.id);
    const there = await keys.find({ _id: oneOf(ids) }, { session, projection: { _id: 1 } }).toArray();
    const taken = new Set(there.map(({ _id }) => String(_id)));
    const candidates = readable.map(({ backup }) => backup);
    const picked = pickBackup(candidates, (id) => taken.has(id));
    if (picked !== undefined) return readable.find(({ backup }) => backup === picked)?.document;
    if (page.length < PAGE) return undefined;
  }
}

async function complete(context: PoolContext, backup: StoredDocument, session: ClientSession): Promise<void> {
  const read = readBackup(backup, context.box);
  if ('fault' in read) throw new OmgError('failed_precondition', read.fault);
  const oldId = unfinishedFor({ ...read, activated: false });
  if (oldId === undefined) return;
  const of = await readCase(context, { backup, oldId, again: false }, session);
  // a document without the field is of a system that did not know it: it is half done if the old key is still there
  if (typeof backup['activated'] !== 'boolean' && of.old === undefined) return;
  const nowMs = context.nowMs();
  const facts = { ...of.facts, backup: { ...read, activated: false } };
  const order = { oldId, cause: 'rotate', actor: OWN_ACTOR, nowMs } as const;
  await applySteps(context, { steps: planRotation(facts, order), of, order: { nowMs } }, session);
  const { status, generation } = lifeOf(of.old);
  const entry = { from: status, to: 'gone', generation, actor: OWN_ACTOR, atMs: nowMs } as const;
  const message = `replaced by ${read.id}: a rotation that was interrupted`;
  await writeHistory(context, [{ ...entry, keyId: oldId, cause: 'rotate', message }], session);
}

/** The answer of the rotation before, which was lost on its way. */
async function alreadyRotated(context: PoolContext, oldId: string, session: ClientSession): Promise<Rotated> {
  const successor = await context.collections.keys.findOne(
    { replacedKey: oneOf([oldId]) },
    { session, projection: { _id: 1 } },
  );
  if (successor === null) throw new OmgError('not_found', `there is no key ${JSON.stringify(oldId)}`);
  return await toRotated(context, { oldId, successorId: String(successor._id) }, session);
}

async function toRotated(
  context: PoolContext,
  { oldId, successorId }: { readonly oldId: string; readonly successorId: string },
  session: ClientSession,
): Promise<Rotated> {
  const document = await context.collections.keys.findOne({ _id: oneOf([successorId]) }, { session });
  const bindings = await bindingsOf(context, [successorId], session);
  return { oldId, successor: expectKey(context, document), bindings };
}

function lifeOf(document: StoredDocument | undefined): {
  readonly status: LifeStatus;
  readonly generation: bigint;
} {
  const marks = readMarks(document);
  if ('fault' in marks) return { status: 'gone', generation: 0n };
  return { status: marks.hand.status, generation: marks.own.generation };
}
