import { OmgError } from '@omg/errors';
import { Long, type ClientSession } from 'mongodb';
import { NEW_KEY_STATE, type KeyState } from '../domain/key-state.ts';
import type { RotatingKey, RotationFacts, RotationStep } from '../domain/rotation-plan.ts';
import { oneOf, type StoredDocument } from './pool-collections.ts';
import { digestOfStored } from './environment-keys.ts';
import type { PoolContext } from './pool-context.ts';
import { bindingsOf } from './read-pool.ts';
import { readBackup } from './stored-backup.ts';
import { newKeyDocument, readOwn, readRotatingKey, stateFields } from './stored-key.ts';

/** The documents that a rotation touches, and what the plan makes of them. */
export interface RotationCase {
  readonly facts: RotationFacts;
  readonly backup: StoredDocument;
  readonly old: StoredDocument | undefined;
  readonly archived: StoredDocument | undefined;
  readonly successor: StoredDocument | undefined;
}

/** Further than a pool can have counted since it last wrote a generation: what comes back is nobody's old lease. */
const GENERATION_LEAP = 1_000_000n;

/** `again`: what an earlier rotation of a key of that name has left in the archive is not of this one. */
export async function readCase(
  context: PoolContext,
  { backup, oldId, again }: { readonly backup: StoredDocument; readonly oldId: string; readonly again: boolean },
  session: ClientSession,
): Promise<RotationCase> {
  const { keys, archive } = context.collections;
  const read = readBackup(backup, context.box);
  if ('fault' in read) throw unreadable('the backup key', read.fault);
  const old = await keys.findOne({ _id: oneOf([oldId]) }, { session });
  const archived = again ? null : await archive.findOne({ _id: oldId, apiKey: { $exists: true } }, { session });
  const successor = await keys.findOne({ _id: oneOf([read.id]) }, { session });
  return {
    facts: {
      backup: read,
      old: toRotatingKey(old),
      archived: toRotatingKey(archived),
      successor: toRotatingKey(successor),
      bindings: await bindingsOf(context, [oldId, read.id], session),
    },
    backup,
    old: old ?? undefined,
    archived: archived ?? undefined,
    successor: successor ?? undefined,
  };
}

export interface StepOrder {
  readonly nowMs: number;
  /** Of the old key as the pool has it; undefined: as its document says. */
  readonly state?: KeyState;
}

/** Does the steps one after the other: within a transaction they happen together. */
export async function applySteps(
  context: PoolContext,
  work: { readonly steps: readonly RotationStep[]; readonly of: RotationCase; readonly order: StepOrder },
  session: ClientSession,
): Promise<void> {
  for (const step of work.steps) await applyStep(context, { ...work, step }, session);
}

async function applyStep(
  context: PoolContext,
  { step, of, order }: { readonly step: RotationStep; readonly of: RotationCase; readonly order: StepOrder },
  session: ClientSession,
): Promise<void> {
  const { keys, backups, bindings, keyField, archive } = context.collections;
  const { nowMs } = order;
  const setBackup = async (set: Record<string, unknown>): Promise<void> => {
    await backups.updateOne({ _id: of.backup._id }, { $set: set }, { session });
  };
  switch (step.type) {
    case 'claim_backup': {
      const { matchedCount } = await backups.updateOne(
        { _id: of.backup._id, isUsed: { $ne: true } },
        {
          $set: {
            isUsed: true,
            activated: false,
            usedFor: step.usedFor,
            usedAt: new Date(step.usedAtMs),
            apiKey: context.box.sealed(String(of.backup['apiKey'])),
          },
        },
        { session },
      );
      if (matchedCount === 0) throw new OmgError('unavailable', 'the backup key was taken meanwhile');
      return;
    }
    case 'archive_key': {
      const { _id, ...fields } = of.old ?? { _id: step.key.id };
      const document = {
        ...fields,
        ...(order.state !== undefined && stateFields(order.state)),
        apiKey: context.box.sealed(step.key.apiKey),
        archived: { at: new Date(nowMs), cause: step.cause, actor: step.actor },
      };
      await archive.replaceOne({ _id: step.key.id }, document, { session, upsert: true });
      return;
    }
    case 'insert_key':
      await keys.insertOne(keyToInsert(context, { key: step.key, of, nowMs }), { session });
      return;
    case 'move_binding': {
      const change = { $set: { [keyField]: step.keyId, updatedAt: new Date(nowMs) } };
      await bindings.updateOne({ _id: oneOf([step.bindingId]) }, change, { session });
      return;
    }
    case 'delete_binding':
      await bindings.deleteOne({ _id: oneOf([step.bindingId]) }, { session });
      return;
    case 'delete_key':
      await keys.deleteOne({ _id: oneOf([step.keyId]) }, { session });
      return;
    case 'activate_backup':
      await setBackup({ activated: true });
      return;
    case 'free_backup': {
      const { generation } = readOwn(of.successor ?? of.backup);
      await setBackup({
        isUsed: false,
        activated: false,
        usedFor: null,
        usedAt: null,
        broker: { generation: Long.fromBigInt(generation + GENERATION_LEAP) },
      });
      return;
    }
    case 'delete_backup':
      await backups.deleteOne({ _id: oneOf([step.backupId]) }, { session });
      return;
    case 'forget_archived_key':
      await forgetArchived(context, step.keyId, session);
  }
}

/** Of a key from the environment that it was rotated away is still known afterwards, or the next start would bring it back. */
export async function forgetArchived(
  { collections: { archive }, box }: PoolContext,
  keyId: string,
  session: ClientSession,
): Promise<void> {
  const archived = await archive.findOne({ _id: keyId }, { session });
  if (archived?.['fromEnvironment'] !== true) {
    await archive.deleteOne({ _id: keyId }, { session });
    return;
  }
  const secretDigest = digestOfStored(archived, box);
  if (secretDigest === undefined) return;
  await archive.replaceOne({ _id: keyId }, { fromEnvironment: true, secretDigest }, { session });
}

/** The backup key in its new place, or the archived key in its old one: with what is known of it, in a new state. */
function keyToInsert(
  { box }: PoolContext,
  { key, of, nowMs }: { readonly key: RotatingKey; readonly of: RotationCase; readonly nowMs: number },
): StoredDocument {
  const apiKey = box.sealed(key.apiKey);
  if (of.archived === undefined || String(of.archived._id) !== key.id) {
    const { generation } = readOwn(of.backup);
    const { id, terms, replacedKey } = key;
    const replaced = replacedKey === undefined ? {} : { replacedKey };
    return newKeyDocument({ id, apiKey, terms, state: { ...NEW_KEY_STATE, generation }, ...replaced, nowMs });
  }
  const { archived: _archived, ...document } = of.archived;
  const generation = readOwn(document).generation + GENERATION_LEAP;
  const enabled = document['isEnabled'] !== false;
  return { ...document, apiKey, ...stateFields({ ...NEW_KEY_STATE, generation, enabled }) };
}

function toRotatingKey(document: StoredDocument | null): RotatingKey | undefined {
  if (document === null) return undefined;
  const key = readRotatingKey(document);
  if ('fault' in key) throw unreadable('a key', key.fault);
  return key;
}

function unreadable(what: string, fault: string): OmgError {
  return new OmgError('failed_precondition', `${what} cannot be read: ${fault}`);
}
