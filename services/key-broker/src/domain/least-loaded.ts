/** Gives out candidates, always one of the least loaded, in turn among equals; each one given has one more to carry. */
export class LeastLoaded<T> {
  readonly #levels = new Map<number, T[]>();
  #level = Infinity;

  constructor(loads: Iterable<readonly [T, number]>) {
    for (const [candidate, load] of loads) this.#put(candidate, load);
  }

  take(): T | undefined {
    if (this.#levels.size === 0) return undefined;
    let level = this.#levels.get(this.#level);
    while (level === undefined) level = this.#levels.get((this.#level += 1));
    const candidate = level.pop();
    if (level.length === 0) this.#levels.delete(this.#level);
    if (candidate !== undefined) this.#put(candidate, this.#level + 1);
    return candidate;
  }

  #put(candidate: T, load: number): void {
    const level = this.#levels.get(load);
    if (level === undefined) this.#levels.set(load, [candidate]);
    else level.push(candidate);
    this.#level = Math.min(this.#level, load);
  }
}
