import type { LeaseWish } from '../../app/lease-broker.ts';

interface Parked<L> {
  readonly wish: LeaseWish;
  /** Undefined: look again. */
  readonly resolve: (lease: L | undefined) => void;
}

const MOST = 10_000;

/** Wishes that wait while no broker can be asked: for a lease that comes free here, or for a broker; first come, first served. */
export class ParkedWishes<L> {
  readonly #parked = new Set<Parked<L>>();

  get isFull(): boolean {
    return this.#parked.size >= MOST;
  }

  /** A lease, or undefined when it is time to look again: a broker answers, the time is over, or nobody waits any more. */
  async wait(wish: LeaseWish, timeoutMs: number): Promise<L | undefined> {
    if (timeoutMs <= 0 || wish.signal.aborted || this.isFull) return undefined;
    const { promise, resolve } = Promise.withResolvers<L | undefined>();
    const parked = { wish, resolve };
    const giveUp = (): void => {
      resolve(undefined);
    };
    const timer = setTimeout(giveUp, timeoutMs);
    wish.signal.addEventListener('abort', giveUp, { once: true });
    this.#parked.add(parked);
    try {
      return await promise;
    } finally {
      this.#parked.delete(parked);
      clearTimeout(timer);
      wish.signal.removeEventListener('abort', giveUp);
    }
  }

  /** A slot came free: for the first that can use it. */
  serve(take: (wish: LeaseWish) => L | undefined): void {
    for (const parked of this.#parked) {
      const lease = take(parked.wish);
      if (lease === undefined) continue;
      this.#parked.delete(parked);
      parked.resolve(lease);
      return;
    }
  }

  wakeAll(): void {
    for (const { resolve } of this.#parked) resolve(undefined);
    this.#parked.clear();
  }
}
