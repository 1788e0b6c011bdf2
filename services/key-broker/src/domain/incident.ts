/** One key's part in an incident. */
export interface Failing {
  readonly path: string;
  readonly atMs: number;
  readonly generation: bigint;
}

interface Tally {
  readonly failing: number;
  readonly well: number;
}

/**
 * Keys failing alike, and those that did well since the first of them failed: what decides whether the keys are to
 * blame. Only a key's last word counts; what is older than the window is forgotten.
 */
export class Incident {
  readonly #failing = new Map<string, Failing>();
  /** key -> path */
  readonly #well = new Map<string, string>();

  get failing(): ReadonlyMap<string, Failing> {
    return this.#failing;
  }

  failed(keyId: string, failing: Failing, windowMs: number): void {
    // re-inserted, so that the map is in the order of time
    this.#failing.delete(keyId);
    this.#failing.set(keyId, failing);
    this.#well.delete(keyId);
    for (const [other, { atMs }] of this.#failing) {
      if (atMs > failing.atMs - windowMs) break;
      this.#failing.delete(other);
    }
    if (this.#failing.size === 1) this.#well.clear();
  }

  didWell(keyId: string, path: string): void {
    if (this.#failing.size === 0) return;
    this.#failing.delete(keyId);
    if (this.#failing.size === 0) this.#well.clear();
    else this.#well.set(keyId, path);
  }

  clear(): void {
    this.#failing.clear();
    this.#well.clear();
  }

  /** How many keys fail and do well on each path that any of them used. */
  tallies(): ReadonlyMap<string, Tally> {
    const tallies = new Map<string, Tally>();
    const add = (path: string, failing: number, well: number): void => {
      const before = tallies.get(path) ?? { failing: 0, well: 0 };
      tallies.set(path, { failing: before.failing + failing, well: before.well + well });
    };
    for (const { path } of this.#failing.values()) add(path, 1, 0);
    for (const path of this.#well.values()) add(path, 0, 1);
    return tallies;
  }
}
