import type { OwnedPoolStore, PoolRecords } from '../app/pool-store.ts';
import { addBackups, deleteBackups, editBackup } from './administer-backups.ts';
import { deleteBinding, repairBindings, setBinding } from './administer-bindings.ts';
import { addKeys, deleteKeys, editKey } from './administer-keys.ts';
import { addProxies, deleteProxies, editProxy } from './administer-proxies.ts';
import type { HandFields } from './hand-changes.ts';
import { listHistory } from './key-history.ts';
import type { Documents } from './pool-collections.ts';
import type { PoolContext } from './pool-context.ts';
import { addHolder, addUse, readUsePosition, removeHolders, writeProxyHealth, writeStates } from './pool-writes.ts';
import { readPool } from './read-pool.ts';
import { completeRotations, expireBackups, restore, rotate } from './rotations.ts';

/** The operations, each with what it needs. */
export function ownedPoolStore({
  context,
  fence,
  fences,
}: {
  readonly context: PoolContext;
  readonly fence: unknown;
  readonly fences: Documents;
}): OwnedPoolStore {
  let seen: ReadonlyMap<string, HandFields> = new Map();
  const readAll = async (): Promise<PoolRecords> => {
    const read = await readPool(context);
    seen = read.seen;
    return read.records;
  };
  return {
    usePosition: readUsePosition(fence),
    async load() {
      await completeRotations(context);
      return await readAll();
    },
    read: readAll,
    writeStates: async (changes) => await writeStates(context, changes, seen),
    rotate: async (order) => await rotate(context, order),
    restore: async (order) => await restore(context, order),
    expireBackups: async (nowMs, ttlMs) => await expireBackups(context, nowMs, ttlMs),
    addHolder: async (epoch) => {
      await addHolder(context, epoch);
    },
    removeHolders: async (epochs) => {
      await removeHolders(context, epochs);
    },
    addKeys: async (keys, by, options) => await addKeys(context, keys, { ...by, ...options }),
    editKey: async (id, change, by) => await editKey(context, id, { ...change, ...by }),
    deleteKeys: async (ids, by) => await deleteKeys(context, ids, by),
    addBackups: async (backups, by, options) => await addBackups(context, backups, { ...by, ...options }),
    editBackup: async (id, change, by) => await editBackup(context, id, { ...change, ...by }),
    deleteBackups: async (ids, by) => await deleteBackups(context, ids, by),
    addProxies: async (proxies, by, options) => await addProxies(context, proxies, { ...by, ...options }),
    editProxy: async (id, change, by) => await editProxy(context, id, { ...change, ...by }),
    deleteProxies: async (ids) => await deleteProxies(context, ids),
    setBinding: async (change, by) => await setBinding(context, { ...change, ...by }),
    deleteBinding: async (pair, by) => await deleteBinding(context, { ...pair, ...by }),
    repairBindings: async (by) => await repairBindings(context, by),
    writeProxyHealth: async (proxyId, health) => {
      await writeProxyHealth(context, proxyId, health);
    },
    addUse: async (uses, position) => {
      await addUse(context, { fences, uses, position });
    },
    listHistory: async (query) => await listHistory(context, query),
  };
}
