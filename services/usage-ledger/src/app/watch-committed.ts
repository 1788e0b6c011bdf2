import type { Changed, CommitBoard, Committed, Watch } from './commit-board.ts';
import type { Books } from './ports.ts';

export interface WatchCommittedDeps {
  readonly board: CommitBoard;
  readonly books: Pick<Books, 'marks'>;
  readonly partitions: number;
  /** Other processes charge other partitions: the books are looked into so often. */
  readonly lookEveryMs: number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What is in the books of these epochs already, and then what comes, with what has changed. */
export function makeWatchCommitted(
  deps: WatchCommittedDeps,
): (epochs: readonly string[], signal: AbortSignal) => AsyncIterable<Committed | Changed> {
  return async function* watchCommitted(epochs, signal) {
    // watching begins before the look into the books, so that nothing falls between the two
    using watch = deps.board.watch(epochs, signal);
    await look(deps, epochs, watch);
    const ended = new AbortController();
    const looking = lookAgain(deps, { epochs, watch, signal: AbortSignal.any([signal, ended.signal]) });
    try {
      yield* watch;
    } finally {
      ended.abort();
      await looking;
    }
  };
}

async function lookAgain(
  deps: WatchCommittedDeps,
  {
    epochs,
    watch,
    signal,
  }: { readonly epochs: readonly string[]; readonly watch: Watch; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await deps.pause(deps.lookEveryMs, signal);
    // what cannot be read now is read at the next look
    if (!signal.aborted) await look(deps, epochs, watch).catch(() => undefined);
  }
}

async function look({ books, partitions }: WatchCommittedDeps, epochs: readonly string[], watch: Watch): Promise<void> {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  const marks = await Promise.all(all.map(async (partition) => await books.marks(partition, epochs)));
  watch.offer(
    marks.flatMap((byEpoch, partition) => [...byEpoch].map(([epoch, { upTo }]) => ({ epoch, partition, upTo }))),
  );
}
