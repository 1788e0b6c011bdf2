import { isDuplicateKey, type Mongo } from '@omg/mongo';
import { readBinding } from './stored-binding.ts';
import { oneOf, poolCollections, type PoolCollections, type StoredDocument } from './pool-collections.ts';
import type { OnFaulty } from './pool-context.ts';

/** Of all collections of all pools; with them they exist, which makes the first transactions simpler for the server. */
export async function createPoolIndexes(
  { db }: Mongo,
  providers: readonly string[],
  onFaulty: OnFaulty,
): Promise<void> {
  const { history, holders, proxies } = poolCollections(db, '');
  await Promise.all([
    history.createIndexes([{ key: { provider: 1, _id: -1 } }, { key: { provider: 1, keyId: 1, _id: -1 } }]),
    holders.createIndex({ provider: 1 }),
    proxies.createIndex({ isActive: 1 }),
    ...providers.map(async (provider) => {
      const pool = poolCollections(db, provider);
      await Promise.all([
        pool.keys.createIndexes([{ key: { status: 1 } }, { key: { cooldownUntil: 1 } }, { key: { createdAt: 1 } }]),
        pool.bindings.createIndexes([{ key: { proxyId: 1, isActive: 1 } }, { key: { [pool.keyField]: 1 } }]),
        pool.backups.createIndex({ isUsed: 1, enableFailover: 1 }),
        pool.archive.createIndex({ fromEnvironment: 1 }),
      ]);
      await createPairIndex(pool, onFaulty);
    }),
  ]);
}

/** Older systems had no such index: what is there twice would keep it from being made. */
async function createPairIndex(pool: PoolCollections, onFaulty: OnFaulty): Promise<void> {
  const { bindings, keyField } = pool;
  const create = async (): Promise<unknown> =>
    await bindings.createIndex({ proxyId: 1, [keyField]: 1 }, { unique: true });
  try {
    await create();
    return;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
  await deduplicate(pool);
  try {
    await create();
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    onFaulty(bindings.collectionName, '*', 'a key is bound to a proxy twice, and again after one was deleted');
  }
}

/** Keeps of each pair what is active and has the best priority. */
async function deduplicate({ bindings, keyField }: PoolCollections): Promise<void> {
  const documents = await bindings.find().toArray();
  const pairs = Map.groupBy(documents, (document) => `${String(document['proxyId'])} ${String(document[keyField])}`);
  const rankOf = (document: StoredDocument): number => {
    const binding = readBinding(document, keyField);
    if ('fault' in binding) return Infinity;
    return binding.priority + (binding.isActive ? 0 : 100);
  };
  const surplus = [...pairs.values()].flatMap((same) => same.toSorted((a, b) => rankOf(a) - rankOf(b)).slice(1));
  await bindings.deleteMany({ _id: oneOf(surplus.map(({ _id }) => String(_id))) });
}
