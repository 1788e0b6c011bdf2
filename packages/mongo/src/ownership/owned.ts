import type { ClientSession, Document } from 'mongodb';

/** An id that this process owns, in one term. */
export interface Owned {
  readonly id: string;
  readonly term: number;
  /** The fence document as it was taken over, with whatever earlier owners committed into it (a position). */
  readonly fence: Document;
  /** Aborts when the work is to end: at once where `isMine()` is false, else after what is under way (a hand-over). */
  readonly signal: AbortSignal;
  /** Whether this process may act now, by its own clocks; to be asked before each thing that no transaction guards. */
  readonly isMine: () => boolean;
  /** How long the loop may wait before it renews. */
  readonly renewalDueInMs: () => number;
  /** To be called by the loop that does the work, at least each second; sends something once a second. Throws `not_owner` when it is over. */
  readonly renew: () => Promise<void>;
  /**
   * A transaction that commits only while the fence has this term: it changes the fence first, with `set` where that is given.
   * One at a time for each id. Throws `not_owner` when it is over; what was sent last may be committed even so.
   */
  readonly transaction: <T>(work: (session: ClientSession) => Promise<T>, set?: Document) => Promise<T>;
}

const MIN_WAIT_MS = 10;

/** Waits for the work and renews meanwhile; what takes longer than `maxMs` is stuck, and nothing is renewed for it. */
export async function renewWhile<T>(
  owned: Pick<Owned, 'renew' | 'renewalDueInMs'>,
  work: Promise<T>,
  maxMs = Infinity,
): Promise<T> {
  const done = work.then((value) => ({ value }));
  done.catch(() => undefined);
  const endMs = performance.now() + maxMs;
  while (performance.now() < endMs) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, Math.max(MIN_WAIT_MS, owned.renewalDueInMs()), undefined);
    try {
      const result = await Promise.race([done, promise]);
      if (result !== undefined) return result.value;
    } finally {
      clearTimeout(timer);
    }
    await owned.renew();
  }
  return await work;
}

/**
 * The loop of an owner: renews when due and does a step, until it is told to end. A step that waits must not wait longer
 * than `idleMs`; one that works is renewed for as long as `maxStepMs`, by default not at all.
 */
export async function runOwnedLoop(
  owned: Owned,
  step: (idleMs: number) => Promise<void>,
  maxStepMs = 0,
): Promise<void> {
  while (!owned.signal.aborted) {
    await owned.renew();
    await renewWhile(owned, step(owned.renewalDueInMs()), maxStepMs);
  }
}
