import type { HistoryEntry } from './key-event.ts';

/** What a key keeps when another one takes its place. */
export interface KeyTerms {
  readonly enableFailover: boolean;
  readonly allowedModels: readonly string[] | undefined;
  readonly slots: number | undefined;
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
}

export interface RotatingKey {
  readonly id: string;
  /** As it is stored. */
  readonly apiKey: string;
  readonly replacedKey: string | undefined;
  readonly terms: KeyTerms;
}

export interface BackupKey {
  readonly id: string;
  readonly apiKey: string;
  readonly isUsed: boolean;
  /** Its key is in the pool; used and not activated is a rotation that was not finished. */
  readonly activated: boolean;
  readonly usedFor: string | undefined;
  readonly usedAtMs: number | undefined;
  /** Undefined: as the key that it replaces. */
  readonly enableFailover: boolean | undefined;
  readonly createdAtMs: number;
}

export interface KeyBinding {
  readonly id: string;
  readonly proxyId: string;
  readonly keyId: string;
}

/** What is stored of everything that a rotation touches. */
export interface RotationFacts {
  readonly backup: BackupKey;
  /** Undefined: it is no longer in the pool. */
  readonly old: RotatingKey | undefined;
  /** What the history kept of it. */
  readonly archived: RotatingKey | undefined;
  /** The key in the pool that has the backup's id. */
  readonly successor: RotatingKey | undefined;
  /** Those of the old key and of its successor. */
  readonly bindings: readonly KeyBinding[];
}

export type RotationStep =
  /** Fails where another rotation was faster; then nothing else may be done. */
  | { readonly type: 'claim_backup'; readonly backupId: string; readonly usedFor: string; readonly usedAtMs: number }
  | {
      readonly type: 'archive_key';
      readonly key: RotatingKey;
      readonly cause: HistoryEntry['cause'];
      readonly actor: string;
    }
  | { readonly type: 'insert_key'; readonly key: RotatingKey }
  | { readonly type: 'move_binding'; readonly bindingId: string; readonly keyId: string }
  | { readonly type: 'delete_binding'; readonly bindingId: string }
  | { readonly type: 'delete_key'; readonly keyId: string }
  | { readonly type: 'activate_backup'; readonly backupId: string }
  | { readonly type: 'free_backup'; readonly backupId: string }
  | { readonly type: 'delete_backup'; readonly backupId: string }
  | { readonly type: 'forget_archived_key'; readonly keyId: string };

export interface RotationOrder {
  readonly oldId: string;
  readonly cause: HistoryEntry['cause'];
  readonly actor: string;
  readonly nowMs: number;
}

const DEFAULT_TERMS: KeyTerms = {
  enableFailover: false,
  allowedModels: undefined,
  slots: undefined,
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
};

/** The backup key that comes next: the oldest unused one whose name is free in the pool. */
export function pickBackup(backups: readonly BackupKey[], isTaken: (keyId: string) => boolean): BackupKey | undefined {
  return backups
    .filter(({ isUsed, id }) => !isUsed && !isTaken(id))
    .toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1))[0];
}

/**
 * The steps that are left of a rotation: all of them at first, fewer for one that was interrupted, none when it is
 * done. Each step may be done twice, and what is needed for the rest is never destroyed before it was used.
 */
export function planRotation(
  facts: RotationFacts,
  { oldId, cause, actor, nowMs }: RotationOrder,
): readonly RotationStep[] {
  const { backup, old, archived, successor, bindings } = facts;
  const steps: RotationStep[] = [];
  if (!backup.isUsed) steps.push({ type: 'claim_backup', backupId: backup.id, usedFor: oldId, usedAtMs: nowMs });
  if (old !== undefined && archived === undefined) steps.push({ type: 'archive_key', key: old, cause, actor });
  if (successor === undefined && !backup.activated) {
    const terms = (old ?? archived)?.terms ?? DEFAULT_TERMS;
    const enableFailover = backup.enableFailover ?? terms.enableFailover;
    const key = { id: backup.id, apiKey: backup.apiKey, replacedKey: oldId, terms: { ...terms, enableFailover } };
    steps.push({ type: 'insert_key', key });
  }
  steps.push(...moveBindings(bindings, oldId, backup.id));
  if (old !== undefined) steps.push({ type: 'delete_key', keyId: oldId });
  if (!backup.activated) steps.push({ type: 'activate_backup', backupId: backup.id });
  return steps;
}

/** The key that a rotation was begun for and not finished, if this backup key tells of one. */
export function unfinishedFor({ isUsed, activated, usedFor }: BackupKey): string | undefined {
  return isUsed && !activated ? usedFor : undefined;
}

export type RestoreRefusal = 'not_used' | 'unfinished' | 'old_key_unknown' | 'successor_gone';

/** Takes a rotation back: the old key to its place and bindings, the backup key among the unused ones. */
export function planRestore(facts: RotationFacts): readonly RotationStep[] | { readonly refused: RestoreRefusal } {
  const { backup, old, archived, successor, bindings } = facts;
  const { usedFor } = backup;
  if (!backup.isUsed || usedFor === undefined) return { refused: 'not_used' };
  if (!backup.activated) return { refused: 'unfinished' };
  // half restored already, it is there again
  const restored = old ?? archived;
  if (restored === undefined) return { refused: 'old_key_unknown' };
  if (successor === undefined && old === undefined) return { refused: 'successor_gone' };
  const steps: RotationStep[] = [];
  if (old === undefined) steps.push({ type: 'insert_key', key: restored });
  steps.push(...moveBindings(bindings, backup.id, usedFor));
  if (successor !== undefined) steps.push({ type: 'delete_key', keyId: backup.id });
  if (archived !== undefined) steps.push({ type: 'forget_archived_key', keyId: usedFor });
  steps.push({ type: 'free_backup', backupId: backup.id });
  return steps;
}

/** How long a used backup key can be taken back before it is deleted. */
export const USED_BACKUP_TTL_MS = 12 * 3_600_000;

/** Used backup keys whose time is over go, and with them what the history kept of the keys that they replaced. */
export function planExpiry(backups: readonly BackupKey[], nowMs: number, ttlMs: number): readonly RotationStep[] {
  return backups.flatMap(({ id, isUsed, activated, usedAtMs, usedFor }): RotationStep[] => {
    if (!isUsed || !activated || usedAtMs === undefined || usedAtMs + ttlMs > nowMs) return [];
    const forget = usedFor === undefined ? [] : [{ type: 'forget_archived_key', keyId: usedFor } as const];
    return [...forget, { type: 'delete_backup', backupId: id }];
  });
}

/** A pair of key and proxy exists once: where the target has the proxy already, the source's binding goes. */
function moveBindings(bindings: readonly KeyBinding[], from: string, to: string): readonly RotationStep[] {
  const has = new Set(bindings.filter(({ keyId }) => keyId === to).map(({ proxyId }) => proxyId));
  return bindings
    .filter(({ keyId }) => keyId === from)
    .map(({ id, proxyId }) =>
      has.has(proxyId)
        ? ({ type: 'delete_binding', bindingId: id } as const)
        : ({ type: 'move_binding', bindingId: id, keyId: to } as const),
    );
}
