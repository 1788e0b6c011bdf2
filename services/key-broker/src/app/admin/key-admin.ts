import { makeAddBackupKeys } from './add-backup-keys.ts';
import { makeAddKeys } from './add-keys.ts';
import { makeAddProxies } from './add-proxies.ts';
import type { AdminDeps } from './admin-deps.ts';
import { makeCheckProxy, type CheckProxyDeps } from './check-proxy.ts';
import { makeDeleteBackupKeys } from './delete-backup-keys.ts';
import { makeDeleteBinding } from './delete-binding.ts';
import { makeDeleteKeys } from './delete-keys.ts';
import { makeDeleteProxies } from './delete-proxies.ts';
import { makeEditBackupKey } from './edit-backup-key.ts';
import { makeEditKey } from './edit-key.ts';
import { makeEditProxy } from './edit-proxy.ts';
import { makeGetKey } from './get-key.ts';
import { makeListBackupKeys } from './list-backup-keys.ts';
import { makeListBindings } from './list-bindings.ts';
import { makeListHistory } from './list-history.ts';
import { makeListKeys } from './list-keys.ts';
import { makeListProxies } from './list-proxies.ts';
import { makeOperateKey } from './operate-key.ts';
import { makeReload } from './reload.ts';
import { makeRepairBindings } from './repair-bindings.ts';
import { makeRestoreKey } from './restore-key.ts';
import { makeSetBinding } from './set-binding.ts';
import { makeTestKey, type TestKeyDeps } from './test-key.ts';

export interface KeyAdminDeps extends AdminDeps, TestKeyDeps, CheckProxyDeps {
  /** How long used backup keys are kept. */
  readonly usedBackupTtlMs: number;
}

export type KeyAdmin = ReturnType<typeof makeKeyAdmin>;

/** Every use case of administration. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types -- each of them says its own
export function makeKeyAdmin(deps: KeyAdminDeps) {
  return {
    listKeys: makeListKeys(deps),
    getKey: makeGetKey(deps),
    addKeys: makeAddKeys(deps),
    editKey: makeEditKey(deps),
    operateKey: makeOperateKey(deps),
    deleteKeys: makeDeleteKeys(deps),
    testKey: makeTestKey(deps),
    listHistory: makeListHistory(deps),
    listBackupKeys: makeListBackupKeys(deps),
    addBackupKeys: makeAddBackupKeys(deps),
    editBackupKey: makeEditBackupKey(deps),
    deleteBackupKeys: makeDeleteBackupKeys(deps),
    restoreKey: makeRestoreKey(deps),
    listProxies: makeListProxies(deps),
    addProxies: makeAddProxies(deps),
    editProxy: makeEditProxy(deps),
    deleteProxies: makeDeleteProxies(deps),
    checkProxy: makeCheckProxy(deps),
    listBindings: makeListBindings(deps),
    setBinding: makeSetBinding(deps),
    deleteBinding: makeDeleteBinding(deps),
    repairBindings: makeRepairBindings(deps),
    reload: makeReload(deps),
  } as const;
}
