import { OmgError } from '@omg/errors';
import { ObjectId, type ClientSession } from 'mongodb';
import type { BindingChange, By, HistoryRecord, StoredBinding } from '../app/pool-store.ts';
import { Id } from './field-schemas.ts';
import { writeHistory } from './key-history.ts';
import { oneOf, type StoredDocument } from './pool-collections.ts';
import { againWhereDuplicate, type PoolContext } from './pool-context.ts';
import { readBinding } from './stored-binding.ts';
import { readMarks } from './stored-key.ts';

export async function setBinding(
  context: PoolContext,
  { keyId, proxyId, priority, isActive, actor, nowMs }: BindingChange & By,
): Promise<StoredBinding> {
  const { keys, proxies, bindings, keyField } = context.collections;
  const wanted = { ...(priority !== undefined && { priority }), ...(isActive !== undefined && { isActive }) };
  return await againWhereDuplicate(
    async () =>
      await context.transaction(async (session) => {
        const key = await keys.findOne({ _id: oneOf([keyId]) }, { session });
        if (key === null) throw new OmgError('not_found', `there is no key ${JSON.stringify(keyId)}`);
        const proxy = await proxies.findOne({ _id: oneOf([proxyId]) }, { session, projection: { _id: 1 } });
        if (proxy === null) throw new OmgError('not_found', `there is no proxy ${JSON.stringify(proxyId)}`);
        const pair = { [keyField]: oneOf([keyId]), proxyId: oneOf([proxyId]) };
        const before = await bindings.findOne(pair, { session });
        const updatedAt = new Date(nowMs);
        const _id = before?._id ?? new ObjectId();
        if (before === null) {
          const fresh = { priority: 1, isActive: true, ...wanted, createdAt: updatedAt, updatedAt };
          await bindings.insertOne({ _id, [keyField]: key._id, proxyId: proxy._id, ...fresh }, { session });
        } else {
          await bindings.updateOne({ _id }, { $set: { ...wanted, updatedAt } }, { session });
        }
        await writeHistory(context, [entryOf(key, { proxyId, cause: 'bind', actor, nowMs })], session);
        const binding = readBinding((await bindings.findOne({ _id }, { session })) ?? {}, keyField);
        if ('fault' in binding) throw new OmgError('failed_precondition', `it cannot be read: ${binding.fault}`);
        return binding;
      }),
  );
}

export async function deleteBinding(
  context: PoolContext,
  { keyId, proxyId, actor, nowMs }: { readonly keyId: string; readonly proxyId: string } & By,
): Promise<boolean> {
  const { keys, bindings, keyField } = context.collections;
  return await context.transaction(async (session) => {
    const pair = { [keyField]: oneOf([keyId]), proxyId: oneOf([proxyId]) };
    const { deletedCount } = await bindings.deleteMany(pair, { session });
    if (deletedCount === 0) return false;
    const key = (await keys.findOne({ _id: oneOf([keyId]) }, { session })) ?? { _id: keyId };
    await writeHistory(context, [entryOf(key, { proxyId, cause: 'unbind', actor, nowMs })], session);
    return true;
  });
}

export interface Repair {
  readonly checked: number;
  readonly repaired: number;
  readonly deleted: number;
}

/** Bindings whose key is gone go to what took its place, if that is in the pool; those without key or proxy go. */
export async function repairBindings(context: PoolContext, { actor, nowMs }: By): Promise<Repair> {
  const { bindings, keyField } = context.collections;
  return await context.transaction(async (session) => {
    const documents = await bindings.find({}, { session }).toArray();
    const { keys, proxies, heirOf } = await readHeirs(context, session);
    const pairOf = (keyId: string, proxyId: unknown): string => JSON.stringify([keyId, String(proxyId)]);
    const pairs = new Set(documents.map((document) => pairOf(String(document[keyField]), document['proxyId'])));
    const history: HistoryRecord[] = [];
    let repaired = 0;
    let deleted = 0;
    for (const document of documents) {
      const keyId = String(document[keyField]);
      const { proxyId } = document;
      if (keys.has(keyId) && proxies.has(String(proxyId))) continue;
      const heir = heirOf(keyId);
      if (heir === undefined || !proxies.has(String(proxyId)) || pairs.has(pairOf(String(heir._id), proxyId))) {
        await bindings.deleteOne({ _id: document._id }, { session });
        deleted += 1;
        continue;
      }
      const change = { $set: { [keyField]: heir._id, updatedAt: new Date(nowMs) } };
      await bindings.updateOne({ _id: document._id }, change, { session });
      pairs.add(pairOf(String(heir._id), proxyId));
      history.push(entryOf(heir, { proxyId: String(proxyId), cause: 'bind', actor, nowMs }));
      repaired += 1;
    }
    await writeHistory(context, history, session);
    return { checked: documents.length, repaired, deleted };
  });
}

interface Heirs {
  readonly keys: ReadonlyMap<string, StoredDocument>;
  readonly proxies: ReadonlySet<string>;
  /** The key in the pool that took the place of one that is gone, maybe after others. */
  readonly heirOf: (keyId: string) => StoredDocument | undefined;
}

async function readHeirs({ collections }: PoolContext, session: ClientSession): Promise<Heirs> {
  const projection = { replacedKey: 1, status: 1, cooldownUntil: 1, isEnabled: 1, broker: 1 };
  const documents = await collections.keys.find({}, { session, projection }).toArray();
  const archived = await collections.archive.find({}, { session, projection: { replacedKey: 1 } }).toArray();
  const proxies = await collections.proxies.find({}, { session, projection: { _id: 1 } }).toArray();
  const keys = new Map(documents.map((document) => [String(document._id), document]));
  const heirs = new Map(
    [...archived, ...documents].flatMap(({ _id, replacedKey }) => {
      const replaced = Id.safeParse(replacedKey);
      return replaced.success ? [[replaced.data, String(_id)] as const] : [];
    }),
  );
  return {
    keys,
    proxies: new Set(proxies.map(({ _id }) => String(_id))),
    heirOf(keyId) {
      const met = new Set<string>();
      let id: string | undefined = keyId;
      while (id !== undefined && !keys.has(id) && !met.has(id)) {
        met.add(id);
        id = heirs.get(id);
      }
      return id === undefined ? undefined : keys.get(id);
    },
  };
}

function entryOf(
  key: StoredDocument,
  { proxyId, cause, actor, nowMs }: By & { readonly proxyId: string; readonly cause: 'bind' | 'unbind' },
): HistoryRecord {
  const marks = readMarks(key);
  const [status, generation] = 'fault' in marks ? (['error', 0n] as const) : [marks.hand.status, marks.own.generation];
  const message = `proxy ${proxyId}`;
  return { keyId: String(key._id), cause, from: status, to: status, generation, actor, atMs: nowMs, message };
}
