import type { HistoryEntry } from '../key-event.ts';
import type { KeyState } from '../key-state.ts';

export interface KeyHistory extends HistoryEntry {
  readonly keyId: string;
  readonly message?: string;
}

export interface PoolWrites {
  readonly states: readonly { readonly id: string; readonly state: KeyState }[];
  readonly history: readonly KeyHistory[];
}

/** More than this is not kept of a history that cannot be written. */
const MAX_HISTORY = 100_000;

/** What of the keys' states is not in the database yet. */
export class KeyWrites {
  #changed = new Set<string>();
  #history: KeyHistory[] = [];

  get any(): boolean {
    return this.#changed.size > 0 || this.#history.length > 0;
  }

  changed(keyId: string): void {
    this.#changed.add(keyId);
  }

  note(entry: KeyHistory): void {
    if (this.#history.length < MAX_HISTORY) this.#history.push(entry);
  }

  /** @param stateOf undefined for a key that is not to be written now */
  take(stateOf: (keyId: string) => KeyState | undefined): PoolWrites {
    const states: { id: string; state: KeyState }[] = [];
    const later = new Set<string>();
    for (const id of this.#changed) {
      const state = stateOf(id);
      if (state === undefined) later.add(id);
      else states.push({ id, state });
    }
    const history = this.#history;
    this.#changed = later;
    this.#history = [];
    return { states, history };
  }

  /** They could not be written. */
  giveBack({ states, history }: PoolWrites): void {
    for (const { id } of states) this.#changed.add(id);
    this.#history = [...history, ...this.#history].slice(-MAX_HISTORY);
  }

  forget(keyId: string): void {
    this.#changed.delete(keyId);
  }
}
