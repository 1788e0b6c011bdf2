import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  pickBackup,
  planExpiry,
  planRestore,
  planRotation,
  unfinishedFor,
  USED_BACKUP_TTL_MS,
  type BackupKey,
  type KeyBinding,
  type RotatingKey,
  type RotationFacts,
  type RotationStep,
} from './rotation-plan.ts';

const HOUR = 3_600_000;
const terms = {
  enableFailover: true,
  allowedModels: ['m'],
  slots: 7,
  requestsPerMinute: undefined,
  tokensPerMinute: 9_000,
};
const oldKey: RotatingKey = { id: 'old', apiKey: 'sealed-old', replacedKey: undefined, terms };
const unused: BackupKey = {
  id: 'backup',
  apiKey: 'sealed-backup',
  isUsed: false,
  activated: false,
  usedFor: undefined,
  usedAtMs: undefined,
  enableFailover: undefined,
  createdAtMs: 0,
};
const binding = (id: string, proxyId: string, keyId = 'old'): KeyBinding => ({ id, proxyId, keyId });
const order = { oldId: 'old', cause: 'auth', actor: 'key-broker', nowMs: HOUR } as const;

/** A store of a few documents, as far as a rotation needs one. */
interface Store {
  keys: Record<string, RotatingKey>;
  archive: Record<string, RotatingKey>;
  backups: Record<string, BackupKey>;
  bindings: Record<string, KeyBinding>;
}

const storeWith = (bindings: readonly KeyBinding[], backup = unused): Store => ({
  keys: { old: oldKey },
  archive: {},
  backups: { backup },
  bindings: Object.fromEntries(bindings.map((one) => [one.id, one])),
});

function factsOf({ keys, archive, backups, bindings }: Store): RotationFacts {
  const { backup = unused } = backups;
  return {
    backup,
    old: keys['old'],
    archived: archive['old'],
    successor: keys['backup'],
    bindings: Object.values(bindings),
  };
}

function without<T>(all: Record<string, T>, id: string): Record<string, T> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => name !== id));
}

function apply(store: Store, step: RotationStep): Store {
  const { keys, archive, backups, bindings } = store;
  const backup = backups['backup'] ?? unused;
  const withBackup = (change: Partial<BackupKey>): Store => ({
    ...store,
    backups: { backup: { ...backup, ...change } },
  });
  switch (step.type) {
    case 'claim_backup':
      return withBackup({ isUsed: true, usedFor: step.usedFor, usedAtMs: step.usedAtMs });
    case 'activate_backup':
      return withBackup({ activated: true });
    case 'free_backup':
      return withBackup({ isUsed: false, activated: false, usedFor: undefined, usedAtMs: undefined });
    case 'delete_backup':
      return { ...store, backups: without(backups, step.backupId) };
    case 'archive_key':
      return { ...store, archive: { ...archive, [step.key.id]: step.key } };
    case 'forget_archived_key':
      return { ...store, archive: without(archive, step.keyId) };
    case 'insert_key':
      return { ...store, keys: { ...keys, [step.key.id]: step.key } };
    case 'delete_key':
      return { ...store, keys: without(keys, step.keyId) };
    case 'delete_binding':
      return { ...store, bindings: without(bindings, step.bindingId) };
    case 'move_binding': {
      const moved = bindings[step.bindingId];
      if (moved === undefined) return store;
      return { ...store, bindings: { ...bindings, [step.bindingId]: { ...moved, keyId: step.keyId } } };
    }
  }
}

const rotate = (store: Store): Store => planRotation(factsOf(store), order).reduce(apply, store);

describe('a rotation', () => {
  test('puts the backup key in the place of the old one, with its terms and its bindings', () => {
    expect(rotate(storeWith([binding('1', 'p'), binding('2', 'q')]))).toEqual({
      keys: { backup: { id: 'backup', apiKey: 'sealed-backup', replacedKey: 'old', terms } },
      archive: { old: oldKey },
      backups: { backup: { ...unused, isUsed: true, activated: true, usedFor: 'old', usedAtMs: HOUR } },
      bindings: { 1: binding('1', 'p', 'backup'), 2: binding('2', 'q', 'backup') },
    });
  });

  test.each([
    [undefined, true],
    [false, false],
    [true, true],
  ])('with a backup whose enableFailover is %s gives %s', (enableFailover, expected) => {
    const { keys } = rotate(storeWith([], { ...unused, enableFailover }));
    expect(keys['backup']?.terms.enableFailover).toBe(expected);
  });

  test('never makes a pair of key and proxy twice', () => {
    const { bindings } = rotate(storeWith([binding('1', 'p'), binding('2', 'p', 'backup')]));
    expect(bindings).toEqual({ 2: binding('2', 'p', 'backup') });
  });

  test('interrupted anywhere, and again, is completed to the same end; done, it has no steps', () => {
    const bindings = fc.subarray([binding('1', 'p'), binding('2', 'q'), binding('3', 'p', 'backup')]);
    fc.assert(
      fc.property(bindings, fc.array(fc.nat({ max: 8 }), { maxLength: 5 }), (bound, cuts) => {
        const end = rotate(storeWith(bound));
        let store = storeWith(bound);
        for (const cut of cuts) {
          store = planRotation(factsOf(store), { ...order, nowMs: HOUR })
            .slice(0, cut)
            .reduce(apply, store);
          const { backup = unused } = store.backups;
          if (backup.isUsed && !backup.activated) expect(unfinishedFor(backup)).toBe('old');
          expect(Object.keys(store.keys).length).toBeGreaterThan(0);
        }
        store = rotate(store);
        expect(store).toEqual(end);
        expect(planRotation(factsOf(store), order)).toEqual([]);
      }),
    );
  });
});

describe('a restore', () => {
  const pairs = [binding('1', 'p'), binding('2', 'q')];

  test('is a rotation taken back, and completes after any interruption', () => {
    for (let cut = 0; cut < 6; cut += 1) {
      let store = rotate(storeWith(pairs));
      for (const length of [cut, 9]) {
        const plan = planRestore(factsOf(store));
        if ('refused' in plan) throw new Error(plan.refused);
        store = plan.slice(0, length).reduce(apply, store);
      }
      expect(store).toEqual(storeWith(pairs));
    }
  });

  test('is refused where there is nothing to take back', () => {
    const facts = factsOf(rotate(storeWith(pairs)));
    expect(planRestore(factsOf(storeWith(pairs)))).toEqual({ refused: 'not_used' });
    expect(planRestore({ ...facts, backup: { ...facts.backup, activated: false } })).toEqual({ refused: 'unfinished' });
    expect(planRestore({ ...facts, archived: undefined })).toEqual({ refused: 'old_key_unknown' });
    expect(planRestore({ ...facts, successor: undefined })).toEqual({ refused: 'successor_gone' });
  });
});

test('the oldest unused backup key is next, and none whose name the pool has', () => {
  const named = (id: string, createdAtMs: number, isUsed = false): BackupKey => ({
    ...unused,
    id,
    createdAtMs,
    isUsed,
  });
  const backups = [named('d', 9), named('c', 2), named('b', 2), named('a', 1, true), named('taken', 0)];
  expect(pickBackup(backups, (id) => id === 'taken')?.id).toBe('b');
  expect(pickBackup([named('a', 1, true)], () => false)).toBeUndefined();
});

test('a used backup key is deleted after its time, with what was kept of the old key; an unfinished one never', () => {
  const used = { ...unused, isUsed: true, activated: true, usedFor: 'old', usedAtMs: HOUR };
  expect(planExpiry([used], HOUR + USED_BACKUP_TTL_MS - 1, USED_BACKUP_TTL_MS)).toEqual([]);
  expect(planExpiry([used, unused], HOUR + USED_BACKUP_TTL_MS, USED_BACKUP_TTL_MS)).toEqual([
    { type: 'forget_archived_key', keyId: 'old' },
    { type: 'delete_backup', backupId: 'backup' },
  ]);
  expect(planExpiry([{ ...used, activated: false }], 99 * HOUR, USED_BACKUP_TTL_MS)).toEqual([]);
});
