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
    const watcher = new Watcher(epochs, signal, () => {
      this.#watchers.delete(watcher);
    });
    this.#watchers.add(watcher);
    return watcher;
  }

  /** How many watch. */
  get watchers(): number {
    return this.#watchers.size;
  }
}

/** Until it is disposed of or its signal is aborted. Numbers of an epoch and partition only rise. */
export interface Watch extends AsyncIterable<Committed>, Disposable {
  offer: (committed: readonly Committed[]) => void;
}

class Watcher implements Watch {
  readonly #epochs: ReadonlySet<string>;
  readonly #signal: AbortSignal;
  readonly #onEnd: () => void;
  readonly #highest = new Map<string, bigint>();
  readonly #unread = new Map<string, Committed>();
  #wake: () => void = () => undefined;

  constructor(epochs: readonly string[], signal: AbortSignal, onEnd: () => void) {
    this.#epochs = new Set(epochs);
    this.#signal = signal;
    this.#onEnd = onEnd;
    signal.addEventListener('abort', this.#onAbort);
  }

  offer(committed: readonly Committed[]): void {
    for (const item of committed) {
      if (!this.#epochs.has(item.epoch)) continue;
      const key = `${item.epoch}/${item.partition}`;
      if ((this.#highest.get(key) ?? 0n) >= item.upTo) continue;
      this.#highest.set(key, item.upTo);
      this.#unread.set(key, item);
    }
    this.#wake();
  }

  readonly #onAbort = (): void => {
    this.#wake();
  };

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#onEnd();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Committed> {
    while (!this.#signal.aborted) {
      const items = [...this.#unread.values()];
      this.#unread.clear();
      yield* items;
      if (this.#unread.size > 0 || this.#signal.aborted) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}
