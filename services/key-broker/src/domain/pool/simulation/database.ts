import type { KeyRecord } from '../pool-keys.ts';
import { record } from '../pool-rig.ts';
import type { PoolWrites } from '../key-writes.ts';

/** What is durable: the keys, the backup keys, and who may hold something. */
export class Database {
  readonly keys = new Map<string, KeyRecord>();
  readonly holders = new Set<string>();
  readonly slots = new Map<string, number>();
  backups: number;
  #made = 0;

  constructor(keys: readonly KeyRecord[], backups: number) {
    for (const key of keys) this.put(key);
    this.backups = backups;
  }

  put(key: KeyRecord): void {
    const { id, terms } = key.facts;
    this.keys.set(id, key);
    this.slots.set(id, terms.slots ?? 0);
  }

  write({ states }: PoolWrites): void {
    for (const { id, state } of states) {
      const key = this.keys.get(id);
      if (key !== undefined) this.keys.set(id, { ...key, facts: { ...key.facts, state } });
    }
  }

  /** One transaction. */
  rotate(oldId: string): KeyRecord | undefined {
    const old = this.keys.get(oldId);
    if (old === undefined || this.backups === 0) return undefined;
    this.backups -= 1;
    this.#made += 1;
    this.keys.delete(oldId);
    const successor = record(`backup-${this.#made}`, { terms: old.facts.terms });
    this.put(successor);
    return successor;
  }
}
