import { asUnavailable } from '@omg/mongo';
import type { ClientSession } from 'mongodb';
import type { PoolRecords, StoredBinding, StoredKey } from '../app/pool-store.ts';
import type { HandFields } from './hand-changes.ts';
import type { Documents } from './pool-collections.ts';
import { oneOf } from './pool-collections.ts';
import type { PoolContext } from './pool-context.ts';
import { readBackup } from './stored-backup.ts';
import { readBinding } from './stored-binding.ts';
import { readMarkedKey, type Fault } from './stored-key.ts';
import { readProxy } from './stored-proxy.ts';

export interface ReadPool {
  readonly records: PoolRecords;
  /** Of each key the fields that people change by hand, as they were then. */
  readonly seen: ReadonlyMap<string, HandFields>;
}

/** All of one moment: a rotation is in it wholly or not at all. */
export async function readPool(context: PoolContext): Promise<ReadPool> {
  const { collections, db, box, provider } = context;
  const reading = { ...context, nowMs: context.nowMs() };
  const seen = new Map<string, HandFields>();
  const readSeenKey = (document: unknown): StoredKey | Fault => {
    const read = readMarkedKey(document, reading);
    if ('fault' in read) return read;
    seen.set(read.key.id, read.hand);
    return read.key;
  };
  const records = await asUnavailable(
    async () =>
      await db.client.withSession({ snapshot: true }, async (session) => ({
        keys: await readAll(context, collections.keys, readSeenKey, session),
        backups: await readAll(context, collections.backups, (document) => readBackup(document, box), session),
        bindings: await readAll(
          context,
          collections.bindings,
          (document) => readBinding(document, collections.keyField),
          session,
        ),
        proxies: await readAll(context, collections.proxies, (document) => readProxy(document, box), session),
        holders: await readHolders(collections.holders, provider, session),
      })),
  );
  return { records, seen };
}

export async function bindingsOf(
  context: PoolContext,
  keyIds: readonly string[],
  session: ClientSession,
): Promise<readonly StoredBinding[]> {
  const { bindings, keyField } = context.collections;
  const documents = await bindings.find({ [keyField]: oneOf(keyIds) }, { session }).toArray();
  return documents.flatMap((document) => {
    const binding = readBinding(document, keyField);
    return 'fault' in binding ? [] : [binding];
  });
}

async function readAll<T extends object>(
  { onFaulty }: PoolContext,
  documents: Documents,
  read: (document: Readonly<Record<string, unknown>>) => T | Fault,
  session: ClientSession,
): Promise<readonly T[]> {
  const all: T[] = [];
  // a batch at a time, so that a big pool does not stop everything else
  for await (const document of documents.find({}, { session, sort: { _id: 1 }, batchSize: 200 })) {
    const one = read(document);
    if ('fault' in one) onFaulty(documents.collectionName, String(document._id), one.fault);
    else all.push(one);
  }
  return all;
}

async function readHolders(holders: Documents, provider: string, session: ClientSession): Promise<readonly string[]> {
  const documents = await holders.find({ provider }, { session }).toArray();
  return documents.flatMap(({ epoch }) => (typeof epoch === 'string' ? [epoch] : []));
}
