import { bindService, restrictService, type BoundService, type CallContext } from '@omg/grpc';
import { keyAdminV1 } from '@omg/proto-gen';
import { actorOf } from '../app/admin/actor-of.ts';
import type { KeyAdmin } from '../app/admin/key-admin.ts';
import type { ServiceGrants } from '../app/service-grants.ts';
import { fromKeyFields } from './from-key-fields.ts';
import { fromKeyOperation } from './from-key-operation.ts';
import { fromProxyFields } from './from-proxy-fields.ts';
import { toBackupKeyView } from './to-backup-key-view.ts';
import { toHistoryView } from './to-history-view.ts';
import { toBindingView, toKeyView } from './to-key-view.ts';
import { toOutcomeCause } from './outcome-cause.ts';
import { toProxyView } from './to-proxy-view.ts';

export function keyAdminService(admin: KeyAdmin, grants: ServiceGrants): BoundService {
  const service = bindService(keyAdminV1.KeyAdminService, {
    listKeys: async (request) => {
      const page = admin.listKeys(request);
      return { ...page, keys: page.keys.map(toKeyView) };
    },
    getKey: async (request) => ({ key: toKeyView(admin.getKey(request)) }),
    addKeys: async ({ keys, ...request }, context) => ({
      results: await admin.addKeys({
        ...attributed(request, context),
        keys: keys.map(({ keyId, fields }) => ({ id: keyId, fields: fromKeyFields(fields) })),
      }),
    }),
    editKey: async (request, context) => ({
      key: toKeyView(await admin.editKey({ ...attributed(request, context), fields: fromKeyFields(request.fields) })),
    }),
    operateKey: async (request, context) => ({
      key: toKeyView(
        await admin.operateKey({ ...attributed(request, context), operation: fromKeyOperation(request.operation) }),
      ),
    }),
    deleteKeys: async (request, context) => await admin.deleteKeys(attributed(request, context)),
    testKey: async (request, { signal }) => {
      const result = await admin.testKey(request, signal);
      return { ...result, cause: toOutcomeCause(result.cause), latencyMs: Math.round(result.latencyMs) };
    },
    listHistory: async (request) => {
      const page = await admin.listHistory(request);
      return { ...page, entries: page.entries.map(toHistoryView) };
    },

    listBackupKeys: async (request) => ({ backupKeys: admin.listBackupKeys(request).map(toBackupKeyView) }),
    addBackupKeys: async ({ backupKeys, ...request }, context) => ({
      results: await admin.addBackupKeys({
        ...attributed(request, context),
        backups: backupKeys.map(({ keyId, apiKey, enableFailover }) => ({
          id: keyId,
          secret: apiKey,
          enableFailover,
        })),
      }),
    }),
    editBackupKey: async ({ keyId, apiKey, enableFailover, ...request }, context) => ({
      backupKey: toBackupKeyView(
        await admin.editBackupKey({ ...attributed(request, context), backupId: keyId, apiKey, enableFailover }),
      ),
    }),
    deleteBackupKeys: async ({ keyIds, ...request }, context) => ({
      results: await admin.deleteBackupKeys({ ...attributed(request, context), backupIds: keyIds }),
    }),
    restoreKey: async ({ backupKeyId, ...request }, context) => ({
      key: toKeyView(await admin.restoreKey({ ...attributed(request, context), backupId: backupKeyId })),
    }),

    listProxies: async ({ provider }) => ({ proxies: admin.listProxies(provider).map(toProxyView) }),
    addProxies: async ({ proxies, ...request }, context) => ({
      results: await admin.addProxies({
        ...attributed(request, context),
        proxies: proxies.map(({ proxyId, fields }) => ({ id: proxyId, fields: fromProxyFields(fields) })),
      }),
    }),
    editProxy: async (request, context) => ({
      proxy: toProxyView(
        await admin.editProxy({ ...attributed(request, context), fields: fromProxyFields(request.fields) }),
      ),
    }),
    deleteProxies: async (request, context) => await admin.deleteProxies(attributed(request, context)),
    checkProxy: async (request, { signal }) => {
      const { ok, message, latencyMs } = await admin.checkProxy(request, signal);
      return { ok, message, latencyMs: Math.round(latencyMs) };
    },

    listBindings: async (request) => ({ bindings: admin.listBindings(request).map(toBindingView) }),
    setBinding: async ({ active, ...request }, context) => ({
      binding: toBindingView(await admin.setBinding({ ...attributed(request, context), active })),
    }),
    deleteBinding: async (request, context) => {
      await admin.deleteBinding(attributed(request, context));
      return {};
    },
    repairBindings: async (request, context) => await admin.repairBindings(attributed(request, context)),

    reload: async ({ provider }) => await admin.reload(provider),
  });
  return restrictService(service, {
    may: grants.mayAdminister,
    refusal: (caller) => `${caller} may not administer keys: give it "admin" in SERVICE_GRANTS of key-broker`,
  });
}

function attributed<T extends { readonly actor: string }>(request: T, { caller }: CallContext): T {
  return { ...request, actor: actorOf(caller, request.actor) };
}
