import { OmgError } from '@omg/errors';
import { bindService, type BoundService } from '@omg/grpc';
import { keyAdminV1, keyBrokerV1 } from '@omg/proto-gen';

type Handlers = Parameters<typeof bindService<keyAdminV1.KeyAdminService>>[1];
export type Method = keyof Handlers;

export interface Asked {
  readonly method: Method;
  readonly request: object;
}

/** A pool as small as the command line needs it, behind the real service. */
export class PoolOfKeys {
  readonly asked: Asked[] = [];
  readonly keys = new Map<string, keyAdminV1.KeyView>();
  readonly secrets = new Set<string>();
  /** Set by a test: what calls of a method throw, from which one on. */
  readonly failures = new Map<Method, { readonly from: number; readonly error: OmgError }>();
  /** Set by a test: the address of another replica, which owns the pool. */
  ownerElsewhere: string | undefined;
  history: readonly keyAdminV1.HistoryView[] = [];
  proxies: readonly keyAdminV1.ProxyView[] = [];
  bindings: readonly keyAdminV1.BindingView[] = [];
  backupKeys: readonly keyAdminV1.BackupKeyView[] = [];

  requests(method: Method): readonly object[] {
    return this.asked.filter((asked) => asked.method === method).map(({ request }) => request);
  }

  service(): BoundService {
    const answer =
      <Request extends object, Response>(method: Method, run: (request: Request) => Response) =>
      async (request: Request): Promise<Response> => {
        this.asked.push({ method, request });
        const failure = this.failures.get(method);
        if (failure !== undefined && this.requests(method).length >= failure.from) throw failure.error;
        if (this.ownerElsewhere !== undefined)
          throw new OmgError('not_owner', 'the pool is not owned here', { details: { address: this.ownerElsewhere } });
        return await Promise.resolve(run(request));
      };
    return bindService(keyAdminV1.KeyAdminService, {
      listKeys: answer('listKeys', (request) => this.#listKeys(request)),
      getKey: answer('getKey', ({ keyId }) => ({ key: this.#key(keyId) })),
      addKeys: answer('addKeys', (request) => ({ results: this.#addKeys(request) })),
      editKey: answer('editKey', ({ keyId }) => ({ key: this.#key(keyId) })),
      operateKey: answer('operateKey', ({ keyId }) => ({ key: this.#key(keyId) })),
      deleteKeys: answer('deleteKeys', ({ keyIds }) => ({
        results: keyIds.map((id) => lineOf(id, this.keys.delete(id) ? '' : 'there is no such key')),
        bindingsDeleted: 4,
      })),
      testKey: answer('testKey', ({ keyId }) => testOf(keyId)),
      listHistory: answer('listHistory', ({ pageSize }) => ({
        entries: this.history.slice(0, pageSize),
        nextPageToken: '',
      })),
      listBackupKeys: answer('listBackupKeys', () => ({ backupKeys: this.backupKeys })),
      addBackupKeys: answer('addBackupKeys', ({ backupKeys }) => ({
        results: backupKeys.map(({ keyId }) => lineOf(keyId)),
      })),
      editBackupKey: answer('editBackupKey', () => ({ backupKey: this.backupKeys[0] })),
      deleteBackupKeys: answer('deleteBackupKeys', ({ keyIds }) => ({ results: keyIds.map((id) => lineOf(id)) })),
      restoreKey: answer('restoreKey', () => ({ key: [...this.keys.values()][0] })),
      listProxies: answer('listProxies', () => ({ proxies: this.proxies })),
      addProxies: answer('addProxies', ({ proxies }) => ({
        results: proxies.map(({ proxyId, fields }) => lineOf(proxyId || `made-of-${fields?.host ?? ''}`)),
      })),
      editProxy: answer('editProxy', () => ({ proxy: this.proxies[0] })),
      deleteProxies: answer('deleteProxies', ({ proxyIds }) => ({
        results: proxyIds.map((id) => lineOf(id)),
        bindingsDeleted: 1,
      })),
      checkProxy: answer('checkProxy', ({ proxyId }) => {
        const ok = proxyId === 'good';
        return { ok, message: ok ? '' : 'the proxy refuses us (407)', latencyMs: 12 };
      }),
      listBindings: answer('listBindings', () => ({ bindings: this.bindings })),
      setBinding: answer('setBinding', () => ({ binding: this.bindings[0] })),
      deleteBinding: answer('deleteBinding', () => ({})),
      repairBindings: answer('repairBindings', () => ({ checked: 12_000, repaired: 2, deleted: 1 })),
      reload: answer('reload', () => ({ keys: this.keys.size, backupKeys: 50, proxies: 10, bindings: 12 })),
    });
  }

  #key(keyId: string): keyAdminV1.KeyView {
    const key = this.keys.get(keyId);
    if (key === undefined) throw new OmgError('not_found', `there is no key ${keyId}`);
    return key;
  }

  #listKeys({ pageSize, pageToken, statuses }: keyAdminV1.ListKeysRequest): keyAdminV1.ListKeysResponse {
    const fitting = [...this.keys.values()].filter(({ status }) => statuses.length === 0 || statuses.includes(status));
    const to = Number(pageToken) + pageSize;
    return {
      keys: fitting.slice(Number(pageToken), to),
      nextPageToken: to < fitting.length ? String(to) : '',
      total: fitting.length,
    };
  }

  #addKeys({ keys, dryRun }: keyAdminV1.AddKeysRequest): readonly keyAdminV1.LineResult[] {
    return keys.map(({ keyId, fields }) => {
      if (this.keys.has(keyId)) return lineOf(keyId, 'there is a key of this name');
      const secret = fields?.apiKey ?? '';
      if (this.secrets.has(secret)) return lineOf(keyId, 'another key has this api_key');
      if (!dryRun) {
        this.keys.set(keyId, keyView(keyId));
        this.secrets.add(secret);
      }
      return lineOf(keyId);
    });
  }
}

function lineOf(id: string, reason = ''): keyAdminV1.LineResult {
  return { id, ok: reason === '', reason };
}

function testOf(keyId: string): keyAdminV1.TestKeyResponse {
  const shared = { latencyMs: 812, route: 'proxy-1', endpoint: 'primary' };
  return keyId === 'key-1'
    ? { ...shared, ok: true, status: 200, cause: keyBrokerV1.OutcomeCause.SUCCESS, message: '' }
    : { ...shared, ok: false, status: 401, cause: keyBrokerV1.OutcomeCause.AUTH, message: 'the key is not accepted' };
}

export function keyView(keyId: string, change: Partial<keyAdminV1.KeyView> = {}): keyAdminV1.KeyView {
  return {
    keyId,
    maskedKey: 'sk-ohmyg...wxyz',
    status: 'healthy',
    enabled: true,
    paused: false,
    available: true,
    blockedBy: '',
    blockedUntil: undefined,
    generation: 3n,
    endpoint: 'primary',
    slots: 50,
    slotsInUse: 2,
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    allowedModels: [],
    deniedModels: [],
    enableFailover: false,
    replacedKey: '',
    lastError: '',
    tokensUsed: 1_234_567n,
    requestsCount: 89n,
    createdAt: new Date('2026-11-20T12:00:00Z'),
    lastUsedAt: undefined,
    bindings: [],
    route: 'direct',
    ...change,
  };
}
