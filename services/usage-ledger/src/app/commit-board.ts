export interface Committed {
  readonly epoch: string;
  readonly partition: number;
  readonly upTo: bigint;
}

/** Something of it is other than it was: what a router keeps of it is to be asked for again. */
export interface Changed {
  /** A tenant's id, `prices`, or `*` for all. */
  readonly changed: string;
}

export const EVERYTHING = '*';
export const PRICES = 'prices';

/** More than that, and a router had better ask for everything again. */
const MAX_UNREAD_CHANGES = 10_000;

/** Tells the routers that wait for it which of their events are in the books, and what has changed. */
export class CommitBoard {
  readonly #watchers = new Set<Watcher>();

  announce(committed: readonly Committed[]): void {
    for (const watcher of this.#watchers) watcher.offer(committed);
  }

  announceChanged(what: string): void {
    for (const watcher of this.#watchers) watcher.offerChanged(what);
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
export interface Watch extends AsyncIterable<Committed | Changed>, Disposable {
  offer: (committed: readonly Committed[]) => void;
}

class Watcher implements Watch {
  readonly #epochs: ReadonlySet<string>;
  readonly #signal: AbortSignal;
  readonly #onEnd: () => void;
  readonly #highest = new Map<string, bigint>();
  readonly #unread = new Map<string, Committed>();
  readonly #changed = new Set<string>();
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

  offerChanged(what: string): void {
    if (this.#changed.size >= MAX_UNREAD_CHANGES) {
      this.#changed.clear();
      this.#changed.add(PRICES).add(EVERYTHING);
    }
    this.#changed.add(what);
    this.#wake();
  }

  readonly #onAbort = (): void => {
    this.#wake();
  };

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#onEnd();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Committed | Changed> {
    while (!this.#signal.aborted) {
      const items = [...this.#unread.values()];
      const changes = Array.from(this.#changed, (changed) => ({ changed }));
      this.#unread.clear();
      this.#changed.clear();
      // what is closed is closed at once
      yield* changes;
      yield* items;
      if (this.#unread.size + this.#changed.size > 0 || this.#signal.aborted) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}
