export interface Committed {
  readonly epoch: string;
  readonly partition: number;
  readonly upTo: bigint;
}

/** Tells the routers that wait for it which of their events are in the books. */
export class CommitBoard {
  readonly #watchers = new Set<Watcher>();

  announce(committed: readonly Committed[]): void {
    for (const watcher of this.#watchers) watcher.offer(committed);
  }

  /** What is announced of these epochs from now on; a later number replaces an earlier one that was not read yet. */
  watch(epochs: readonly string[], signal: AbortSignal): Watch {
    const watcher = new Watcher(epochs);
    this.#watchers.add(watcher);
    const stop = (): void => {
      this.#watchers.delete(watcher);
      watcher.end();
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    return watcher;
  }
}

export interface Watch extends AsyncIterable<Committed> {
  offer: (committed: readonly Committed[]) => void;
}

class Watcher implements Watch {
  readonly #epochs: ReadonlySet<string>;
  readonly #unread = new Map<string, Committed>();
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(epochs: readonly string[]) {
    this.#epochs = new Set(epochs);
  }

  offer(committed: readonly Committed[]): void {
    for (const item of committed) {
      if (!this.#epochs.has(item.epoch)) continue;
      const key = `${item.epoch}/${item.partition}`;
      if ((this.#unread.get(key)?.upTo ?? 0n) < item.upTo) this.#unread.set(key, item);
    }
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Committed> {
    while (!this.#ended) {
      const items = [...this.#unread.values()];
      this.#unread.clear();
      yield* items;
      if (this.#unread.size > 0 || this.#ended) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}
