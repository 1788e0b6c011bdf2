import type { OperatorEvent } from '../domain/key-event.ts';
import type { ProviderSpec } from '../domain/provider-registry.ts';
import type { ProxyCandidate } from '../domain/proxy-choice.ts';
import type { ProxyHealth } from '../domain/proxy-health.ts';
import type { BackupKey } from '../domain/rotation-plan.ts';
import type { OwnedPoolStore, StoredBinding, StoredKey, StoredProxy } from './pool-store.ts';

/** What the pool thinks of a key now. */
export interface KeyNow {
  /** With the pool's own, newest state. */
  readonly key: StoredKey;
  readonly available: boolean;
  /** Why it cannot be leased, in words; empty where it can. */
  readonly blockedBy: string;
  readonly blockedUntilMs: number | undefined;
  readonly slots: number;
  readonly slotsInUse: number;
  /** How its next lease goes: a proxy's id, `direct`, `any`, or empty where there is no way. */
  readonly route: string;
  readonly bindings: readonly StoredBinding[];
}

export interface ProxyNow {
  readonly proxy: StoredProxy;
  /** As this pool has it. */
  readonly health: ProxyHealth;
  readonly standing: ProxyCandidate['standing'];
}

/** One owned pool, as administration and unary leases use it. */
export interface PoolOffice {
  readonly provider: ProviderSpec;
  readonly store: OwnedPoolStore;
  /** Undefined: the pool has no such key. */
  keyNow: (keyId: string) => KeyNow | undefined;
  keysNow: () => readonly KeyNow[];
  backupsNow: () => readonly BackupKey[];
  proxiesNow: () => readonly ProxyNow[];
  bindingsNow: () => readonly StoredBinding[];
  /** By the transition function; resolved when it is written. A rotation resolves with the successor's id. */
  operate: (
    keyId: string,
    event: OperatorEvent,
  ) => Promise<{ readonly refused?: 'no_backup_key'; readonly keyId: string }>;
  /** Takes from the store what has changed: to be called after each change through `store`. */
  refresh: () => Promise<void>;
}

export interface PoolOffices {
  /** Throws `invalid_argument` (no such provider) or `not_owner`, with the owner's address in the details. */
  get: (provider: string) => PoolOffice;
}
