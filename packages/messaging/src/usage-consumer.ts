import { DeliverPolicy, jetstream, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import { eventsV1 } from '@omg/proto-gen';
import type { Nats } from './connect-nats.ts';
import { usageSubject } from './usage-stream.ts';

export interface UsageConsumerOptions {
  readonly nats: Nats;
  readonly stream: string;
  readonly partition: number;
  /** The first message's sequence in the stream; 1 begins at the beginning. */
  readonly fromSeq: number;
  readonly signal: AbortSignal;
}

/** One message of the stream. */
export interface UsageMessage {
  readonly seq: number;
  /** Undefined where the message is no UsageBatch; `raw` is what it is. */
  readonly events: readonly eventsV1.UsageEvent[] | undefined;
  readonly raw: Uint8Array;
}

/**
 * Reads a partition's messages in order, without acknowledging any: the position is the reader's to store. Yields what
 * has arrived as one list; ends with the signal; throws when the stream is lost.
 */
export async function* consumeUsage(options: UsageConsumerOptions): AsyncGenerator<readonly UsageMessage[]> {
  const consumer = await jetstream(options.nats.connection).consumers.get(options.stream, {
    filter_subjects: usageSubject(options.stream, options.partition),
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: options.fromSeq,
  });
  const messages = await consumer.consume({ max_messages: 64, abort_on_missing_resource: true });
  const stop = (): void => {
    messages.stop();
  };
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  try {
    yield* inLists(messages);
  } finally {
    options.signal.removeEventListener('abort', stop);
    messages.stop();
  }
}

/** Whatever is there is handed over together, so that one transaction can take it. */
async function* inLists(messages: ConsumerMessages): AsyncGenerator<readonly UsageMessage[]> {
  let list: UsageMessage[] = [];
  for await (const message of messages) {
    list.push(read(message));
    if (messages.getPending() > 0 && list.length < 64) continue;
    yield list;
    list = [];
  }
}

function read(message: JsMsg): UsageMessage {
  return { seq: message.seq, raw: message.data, events: decode(message.data) };
}

function decode(data: Uint8Array): readonly eventsV1.UsageEvent[] | undefined {
  try {
    return eventsV1.UsageBatch.decode(data).events;
  } catch {
    return undefined;
  }
}
