import {
  consumeRefusals,
  ensureRefusalStream,
  usageStreamState,
  type Nats,
  type RefusalMessage,
  type RefusalStreamOptions,
} from '@omg/messaging';
import { OmgError } from '@omg/errors';
import { renewWhile, type Owned } from '@omg/mongo';
import { pause } from '@omg/service';
import type { OwnedRefusals } from '../app/refusal-ports.ts';
import type { RefusalBatch } from '../domain/refusal.ts';
import { parseRefusalBatch } from './parse-refusal-batch.ts';

export interface RefusalReaderOptions {
  readonly nats: Nats;
  readonly stream: RefusalStreamOptions;
  readonly owned: Pick<Owned, 'signal' | 'renew' | 'renewalDueInMs'>;
  readonly refusals: OwnedRefusals;
  /** Told of a message that is none; it is left out. */
  readonly onUnreadable: (seq: number) => void;
  /** Told of whatever interrupts the reading; it begins again at the stored position. */
  readonly onInterrupted: (error: unknown) => void;
}

const PAUSE_MS = 500;

/** Reads and counts refused requests for as long as this process owns that. */
export async function readRefusals(options: RefusalReaderOptions): Promise<void> {
  const { owned, onInterrupted } = options;
  while (!owned.signal.aborted) {
    await owned.renew();
    try {
      await readFromStoredPosition(options);
    } catch (error) {
      if (error instanceof OmgError && error.code === 'not_owner') throw error;
      onInterrupted(error);
    }
    await pause(PAUSE_MS, owned.signal);
  }
}

async function readFromStoredPosition({ nats, owned, refusals, ...options }: RefusalReaderOptions): Promise<void> {
  const { stream } = options.stream;
  // somebody may have deleted it, or the server may have lost it
  await ensureRefusalStream(nats, options.stream);
  const { incarnation, lastSeq } = await usageStreamState(nats, stream);
  const stored = refusals.position();
  // of another incarnation, or beyond what the server has: what is counted already is known by its numbers
  const isValid = stored !== undefined && stored.incarnation === incarnation && stored.seq <= lastSeq;
  const ended = new AbortController();
  const messages = consumeRefusals({
    nats,
    stream,
    fromSeq: isValid ? stored.seq + 1 : 1,
    signal: AbortSignal.any([owned.signal, ended.signal]),
  });
  try {
    for (;;) {
      const message = await renewWhile(owned, messages.next());
      if (message.done === true) return;
      const batch = parse(message.value);
      if (batch === undefined) options.onUnreadable(message.value.seq);
      await renewWhile(owned, refusals.add(batch, { incarnation, seq: message.value.seq }));
    }
  } finally {
    ended.abort();
    await messages.return(undefined).catch(() => undefined);
  }
}

function parse({ batch }: RefusalMessage): RefusalBatch | undefined {
  return batch === undefined ? undefined : parseRefusalBatch(batch);
}
