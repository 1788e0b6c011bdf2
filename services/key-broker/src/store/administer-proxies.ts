import { OmgError } from '@omg/errors';
import type { AddOptions, By, Deleted, LineResult, NewProxy, ProxyEdit, StoredProxy } from '../app/pool-store.ts';
import { oneOf, poolCollections } from './pool-collections.ts';
import { againWhereDuplicate, type PoolContext } from './pool-context.ts';
import { proxyFields, readProxy } from './stored-proxy.ts';
import { checkCount, resultsOf } from './take-lines.ts';

export async function addProxies(
  context: PoolContext,
  added: readonly NewProxy[],
  { actor, nowMs, dryRun = false }: By & AddOptions,
): Promise<readonly LineResult[]> {
  checkCount(added.length);
  const { proxies } = context.collections;
  return await againWhereDuplicate(
    async () =>
      await context.transaction(async (session) => {
        const documents = await proxies.find({}, { session }).toArray();
        const ids = new Map(documents.map(({ _id }) => [String(_id), 'there is a proxy with this id']));
        const addresses = new Map(
          documents.flatMap((document) => {
            const proxy = readProxy(document, context.box);
            return 'fault' in proxy ? [] : [[addressOf(proxy), `the proxy ${proxy.id} is the same`]];
          }),
        );
        const results = added.map((proxy): LineResult => {
          const { id } = proxy;
          const reason = id === '' ? 'it has no id' : (ids.get(id) ?? addresses.get(addressOf(proxy)));
          if (reason !== undefined) return { id, ok: false, reason };
          ids.set(id, 'the id comes twice');
          addresses.set(addressOf(proxy), `it is the same as ${id}`);
          return { id, ok: true, reason: '' };
        });
        const taken = added.filter((_, index) => results[index]?.ok === true);
        if (dryRun || taken.length === 0) return results;
        await proxies.insertMany(
          taken.map(({ id, ...fields }) => ({
            _id: id,
            ...proxyFields(fields, context.box),
            createdAt: new Date(nowMs),
            updatedAt: new Date(nowMs),
            updatedBy: actor,
          })),
          { session },
        );
        return results;
      }),
  );
}

export async function editProxy(
  context: PoolContext,
  id: string,
  { actor, nowMs, ...change }: ProxyEdit & By,
): Promise<StoredProxy | undefined> {
  const { proxies } = context.collections;
  return await context.transaction(async (session) => {
    const before = await proxies.findOne({ _id: oneOf([id]) }, { session });
    if (before === null) return undefined;
    const { password } = before;
    await proxies.updateOne(
      { _id: before._id },
      {
        $set: {
          ...(typeof password === 'string' && password !== '' && { password: context.box.sealed(password) }),
          ...proxyFields(change, context.box),
          updatedAt: new Date(nowMs),
          updatedBy: actor,
        },
      },
      { session },
    );
    const after = readProxy(await proxies.findOne({ _id: before._id }, { session }), context.box);
    if ('fault' in after) throw new OmgError('failed_precondition', `the proxy cannot be read: ${after.fault}`);
    return after;
  });
}

export async function deleteProxies(context: PoolContext, ids: readonly string[]): Promise<Deleted> {
  checkCount(ids.length);
  const { proxies } = context.collections;
  return await context.transaction(async (session) => {
    const documents = await proxies.find({ _id: oneOf(ids) }, { session, projection: { _id: 1 } }).toArray();
    const there = new Set(documents.map(({ _id }) => String(_id)));
    await proxies.deleteMany({ _id: { $in: documents.map(({ _id }) => _id) } }, { session });
    let bindingsDeleted = 0;
    for (const provider of context.providers) {
      const { bindings } = poolCollections(context.db, provider);
      const { deletedCount } = await bindings.deleteMany({ proxyId: oneOf([...there]) }, { session });
      bindingsDeleted += deletedCount;
    }
    return { results: resultsOf(ids, there, 'proxy'), bindingsDeleted };
  });
}

function addressOf({ type, host, port, username = '' }: Omit<NewProxy, 'id'>): string {
  return JSON.stringify([type, host.toLowerCase(), port, username]);
}
