import type { HistoryEntry } from '../domain/key-event.ts';
import type { KeyState } from '../domain/key-state.ts';
import type { ProxyHealth } from '../domain/proxy-health.ts';
import type { BackupKey, KeyTerms, RestoreRefusal } from '../domain/rotation-plan.ts';

/** A key of the pool as the database has it. */
export interface StoredKey {
  readonly id: string;
  /** Opened. */
  readonly secret: string;
  /** With defaults for documents of older systems; nothing is known of a probe. */
  readonly state: KeyState;
  readonly terms: KeyTerms;
  readonly replacedKey: string | undefined;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | undefined;
  readonly tokensUsed: number;
  readonly requestsCount: number;
  /** The document's state is not what this system wrote last: somebody changed it by hand, or an older system wrote it. */
  readonly changedByHand: boolean;
}

export type ProxyType = 'http' | 'https' | 'socks5';

export interface StoredProxy {
  readonly id: string;
  readonly name: string;
  readonly type: ProxyType;
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  /** Opened. */
  readonly password?: string;
  readonly isActive: boolean;
  /** By provider: the owner of each pool has its own opinion. */
  readonly health: Readonly<Record<string, ProxyHealth>>;
}

export interface StoredBinding {
  readonly id: string;
  readonly proxyId: string;
  readonly keyId: string;
  /** 1 to 10, 1 first. */
  readonly priority: number;
  readonly isActive: boolean;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** All that the database has of a pool; the proxies are those of every pool. */
export interface PoolRecords {
  readonly keys: readonly StoredKey[];
  /** With their keys opened. */
  readonly backups: readonly BackupKey[];
  readonly bindings: readonly StoredBinding[];
  readonly proxies: readonly StoredProxy[];
  /** Epochs of those who may hold leases. */
  readonly holders: readonly string[];
}

/** What happened to a key that is no transition of its state. */
export type AdminCause = 'add' | 'add_backup' | 'edit_backup' | 'delete_backup' | 'delete' | 'bind' | 'unbind';

export interface HistoryRecord extends Omit<HistoryEntry, 'cause'> {
  readonly cause: HistoryEntry['cause'] | AdminCause;
  readonly keyId: string;
  readonly message?: string;
}

/** Who wants it, and when. */
export interface By {
  readonly actor: string;
  readonly nowMs: number;
}

/** What became of one of many. */
export interface LineResult {
  readonly id: string;
  readonly ok: boolean;
  /** Why it was refused; '' where it was not. */
  readonly reason: string;
}

export interface NewKey {
  readonly id: string;
  readonly secret: string;
  readonly terms: KeyTerms;
  /** True unless given. */
  readonly enabled?: boolean;
}

/** What is absent stays; a term that is given as undefined goes back to its default. */
export interface KeyEdit {
  readonly secret?: string;
  readonly terms?: Partial<KeyTerms>;
}

export interface NewBackup {
  readonly id: string;
  readonly secret: string;
  /** Undefined: as the key that it will replace. */
  readonly enableFailover: boolean | undefined;
}

export interface BackupEdit {
  readonly secret?: string;
  readonly enableFailover?: boolean | undefined;
}

export type NewProxy = Omit<StoredProxy, 'health'>;

/** What is absent stays; an empty user name or password goes. */
export type ProxyEdit = Partial<Omit<StoredProxy, 'id' | 'health'>>;

export interface BindingChange {
  readonly keyId: string;
  readonly proxyId: string;
  /** 1 for a new one unless given. */
  readonly priority?: number;
  /** True for a new one unless given. */
  readonly isActive?: boolean;
}

export interface RotateOrder {
  readonly oldId: string;
  readonly cause: HistoryEntry['cause'];
  readonly actor: string;
  readonly nowMs: number;
  /** The old key's, as the pool has it. */
  readonly state: KeyState;
}

export interface Rotated {
  readonly oldId: string;
  readonly successor: StoredKey;
  /** Of the successor, all of them. */
  readonly bindings: readonly StoredBinding[];
}

export interface Restored {
  readonly restored: StoredKey;
  /** The backup key that leaves the pool. */
  readonly removedId: string | undefined;
  /** Of the restored key, all of them. */
  readonly bindings: readonly StoredBinding[];
}

/** How far the usage stream has been counted. */
export interface UsePosition {
  readonly incarnation: string;
  readonly seq: number;
}

export interface KeyUse {
  readonly keyId: string;
  readonly tokens: number;
  readonly requests: number;
  readonly lastUsedAtMs: number;
}

export interface HistoryQuery {
  /** Of all keys unless given. */
  readonly keyId?: string;
  readonly limit: number;
  /** The `next` of the page before. */
  readonly before?: string;
}

/**
 * What only the owner of a pool may do. Every write is one transaction that changes the fence first; it throws
 * `not_owner` where the pool has another owner by now. The transactions of a pool run one after the other.
 */
export interface OwnedPoolStore {
  /** Completes interrupted rotations first, then reads all. */
  load: () => Promise<PoolRecords>;
  /** All of one moment. */
  read: () => Promise<PoolRecords>;
  /**
   * Gives the ids of the keys that were not written, because somebody changed them by hand after the last `read`:
   * what they changed has to be read first. The history is written in any case.
   */
  writeStates: (changes: {
    readonly states: readonly { readonly id: string; readonly state: KeyState }[];
    readonly history: readonly HistoryRecord[];
  }) => Promise<readonly string[]>;
  /**
   * Puts the next backup key in the place of a key, and writes that into the history. Undefined: no backup key is left.
   * A key that was replaced already gives the same answer again. Throws `not_found` where the pool has no such key.
   */
  rotate: (order: RotateOrder) => Promise<Rotated | undefined>;
  /** Takes a rotation back, and writes that into the history. Throws `not_found` where there is no such backup key. */
  restore: (order: By & { readonly backupId: string }) => Promise<Restored | { readonly refused: RestoreRefusal }>;
  /** Deletes the backup keys that were used so long ago, and what was kept of the keys that they replaced; gives how many. */
  expireBackups: (nowMs: number, ttlMs: number) => Promise<number>;
  addHolder: (epoch: string) => Promise<void>;
  removeHolders: (epochs: readonly string[]) => Promise<void>;

  /** At most 1,000; refuses names and secrets that the pool or its backup keys have, or that come twice. */
  addKeys: (keys: readonly NewKey[], by: By, options?: AddOptions) => Promise<readonly LineResult[]>;
  /** Undefined: there is no such key. Throws `already_exists` where another one has the secret. */
  editKey: (id: string, change: KeyEdit, by: By) => Promise<StoredKey | undefined>;
  /** With their bindings. */
  deleteKeys: (ids: readonly string[], by: By) => Promise<Deleted>;

  /** As keys. */
  addBackups: (backups: readonly NewBackup[], by: By, options?: AddOptions) => Promise<readonly LineResult[]>;
  editBackup: (id: string, change: BackupEdit, by: By) => Promise<BackupKey | undefined>;
  /** One that was used cannot be taken back then. */
  deleteBackups: (ids: readonly string[], by: By) => Promise<readonly LineResult[]>;

  /** Refuses ids that exist, and proxies of the same type, host, port and user name. */
  addProxies: (proxies: readonly NewProxy[], by: By, options?: AddOptions) => Promise<readonly LineResult[]>;
  editProxy: (id: string, change: ProxyEdit, by: By) => Promise<StoredProxy | undefined>;
  /** With the bindings of all pools. */
  deleteProxies: (ids: readonly string[], by: By) => Promise<Deleted>;

  /** Throws `not_found` where the key or the proxy does not exist. */
  setBinding: (change: BindingChange, by: By) => Promise<StoredBinding>;
  /** False: there is none. */
  deleteBinding: (pair: { readonly keyId: string; readonly proxyId: string }, by: By) => Promise<boolean>;
  repairBindings: (
    by: By,
  ) => Promise<{ readonly checked: number; readonly repaired: number; readonly deleted: number }>;

  /** What this pool thinks of a proxy; the document's `status` is healthy, degraded or dead over all pools. */
  writeProxyHealth: (proxyId: string, health: ProxyHealth) => Promise<void>;
  /**
   * Counts use that the usage stream tells of, once: a batch whose position was reached already changes nothing. After
   * an error the same batch has to be given again, as it was.
   */
  addUse: (uses: readonly KeyUse[], position: UsePosition) => Promise<void>;
  /** What the fence had at takeover, if anything. */
  readonly usePosition: UsePosition | undefined;
  /** The newest first. */
  listHistory: (query: HistoryQuery) => Promise<{ readonly entries: readonly HistoryRecord[]; readonly next?: string }>;
}

export interface AddOptions {
  /** Only says what would become of them. */
  readonly dryRun?: boolean;
}

export interface Deleted {
  readonly results: readonly LineResult[];
  readonly bindingsDeleted: number;
}
