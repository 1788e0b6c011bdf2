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

/** Messages that are handed over together; each holds up to a hundred events. */
const MAX_LIST = 64;

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
  const messages = await consumer.consume({ max_messages: MAX_LIST, abort_on_missing_resource: true });
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

/** Whatever is there is handed over together, so that one transaction can take it; nothing waits for what comes later. */
async function* inLists(messages: ConsumerMessages): AsyncGenerator<readonly UsageMessage[]> {
  const iterator = messages[Symbol.asyncIterator]();
  const read = (): Promise<IteratorResult<JsMsg>> => {
    const result = iterator.next();
    // whoever stops at a list does not wait for what comes next, and must not be killed by it
    result.catch(() => undefined);
    return result;
  };
  let next = read();
  for (let first = await next; first.done !== true; first = await next) {
    const list = [toUsageMessage(first.value)];
    next = read();
    while (list.length < MAX_LIST) {
      const more = await Promise.race([next, nothingMore()]);
      if (more === undefined || more.done === true) break;
      list.push(toUsageMessage(more.value));
      next = read();
    }
    yield list;
  }
}

/** By then everything that has arrived is in the iterator. */
async function nothingMore(): Promise<undefined> {
  await new Promise(setImmediate);
}

function toUsageMessage(message: JsMsg): UsageMessage {
  return { seq: message.seq, raw: message.data, events: decode(message.data) };
}

function decode(data: Uint8Array): readonly eventsV1.UsageEvent[] | undefined {
  try {
    return eventsV1.UsageBatch.decode(data).events;
  } catch {
    return undefined;
  }
}
