import type { CommitBoard, Committed } from './commit-board.ts';
import type { Books } from './ports.ts';

export interface WatchCommittedDeps {
  readonly board: CommitBoard;
  readonly books: Pick<Books, 'marks'>;
  readonly partitions: number;
}

/** What is in the books of these epochs already, and then what comes. */
export function makeWatchCommitted(
  deps: WatchCommittedDeps,
): (epochs: readonly string[], signal: AbortSignal) => AsyncIterable<Committed> {
  return async function* watchCommitted(epochs, signal) {
    // watching begins before the look into the books, so that nothing falls between the two
    using watch = deps.board.watch(epochs, signal);
    const partitions = Array.from({ length: deps.partitions }, (_, partition) => partition);
    const marks = await Promise.all(partitions.map(async (partition) => await deps.books.marks(partition, epochs)));
    watch.offer(
      marks.flatMap((byEpoch, partition) => [...byEpoch].map(([epoch, { upTo }]) => ({ epoch, partition, upTo }))),
    );
    yield* watch;
  };
}
