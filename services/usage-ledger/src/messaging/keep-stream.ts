import { purgeUsage, usageStreamState, type Nats, type UsageStreamState } from '@omg/messaging';
import { repeat } from '@omg/service';
import type { Position } from '../app/ports.ts';

export interface KeepStreamOptions {
  readonly nats: Nats;
  readonly stream: string;
  /** What is charged stays in the stream for so long: for other readers, and to be looked at. */
  readonly keepMs: number;
  /** Told at each look how full it is. */
  readonly onState: (state: Pick<UsageStreamState, 'bytes' | 'maxBytes'>) => void;
  readonly onPurged: (partition: number, messages: number) => void;
  readonly onFailed: (error: unknown) => void;
}

export interface StreamKeeper extends AsyncDisposable {
  /** Purges the partition, which this process owns until what is returned is disposed of. */
  own: (partition: number, committed: () => Position | undefined) => Disposable;
}

const LOOK_EVERY_MS = { most: 60_000, least: 100 };
const LOOKS_PER_KEEP = 10;

/** Looks how full the stream is, and removes what is charged and old: nobody else removes anything. */
export function keepStream(options: KeepStreamOptions): StreamKeeper {
  const { nats, stream, keepMs, onState, onPurged, onFailed } = options;
  const owned = new Map<number, () => Position | undefined>();
  const everyMs = Math.max(LOOK_EVERY_MS.least, Math.min(LOOK_EVERY_MS.most, keepMs / LOOKS_PER_KEEP));
  const looking = repeat(
    everyMs,
    async (signal) => {
      const state = await usageStreamState(nats, stream);
      onState(state);
      for (const [partition, committed] of owned) {
        const position = committed();
        // a position in another incarnation says nothing of this one's messages
        if (signal.aborted || position?.incarnation !== state.incarnation) continue;
        const storedBefore = new Date(Date.now() - keepMs);
        const purged = await purgeUsage({ nats, stream, partition, upToSeq: position.seq, storedBefore });
        if (purged > 0) onPurged(partition, purged);
      }
    },
    onFailed,
  );
  return {
    own(partition, committed) {
      owned.set(partition, committed);
      return {
        [Symbol.dispose]() {
          if (owned.get(partition) === committed) owned.delete(partition);
        },
      };
    },
    [Symbol.asyncDispose]: async () => await looking[Symbol.asyncDispose](),
  };
}
