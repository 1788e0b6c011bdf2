import { DeliverPolicy, jetstream, type ConsumerMessages } from '@nats-io/jetstream';
import type { Nats } from './connect-nats.ts';

export interface ReadSubjectOptions {
  readonly nats: Nats;
  readonly stream: string;
  readonly subject: string;
  /** The first message's sequence in the stream; 1 begins at the beginning. */
  readonly fromSeq: number;
  /** Messages that wait on this side. */
  readonly maxWaiting: number;
  readonly signal: AbortSignal;
}

// what is lost without a word is missed, and asked for again, after twice the time between two heartbeats, half of this
const PULL_EXPIRES_MS = 5_000;

/**
 * Reads messages in order, without acknowledging any: the position is the reader's to store. Ends with the signal; throws
 * when the stream is lost or NATS was restarted: whoever begins again then looks whether the stream is the same.
 */
export async function* readSubject<T>(
  { nats, stream, subject, fromSeq, maxWaiting, signal }: ReadSubjectOptions,
  read: (messages: ConsumerMessages) => AsyncIterable<T>,
): AsyncGenerator<T, undefined> {
  const consumer = await jetstream(nats.connection).consumers.get(stream, {
    filter_subjects: subject,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: fromSeq,
  });
  const messages = await consumer.consume({
    max_messages: maxWaiting,
    expires: PULL_EXPIRES_MS,
    abort_on_missing_resource: true,
  });
  const stop = (): void => {
    messages.stop();
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    for await (const item of read(messages)) {
      if (signal.aborted) return undefined;
      yield item;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    messages.stop();
    // the server would keep it for five minutes
    consumer.delete().catch(() => undefined);
  }
}
