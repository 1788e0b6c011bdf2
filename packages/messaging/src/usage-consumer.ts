import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { eventsV1 } from '@omg/proto-gen';
import type { Nats } from './connect-nats.ts';
import { readSubject } from './read-subject.ts';
import { usageSubject } from './usage-stream.ts';

export interface UsageConsumerOptions {
  readonly nats: Nats;
  readonly stream: string;
  /** Every partition unless given. */
  readonly partition?: number;
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
  /** How many messages the stream had behind this one, for this reader, when it sent it. */
  readonly pending: number;
  /** When the stream stored it. */
  readonly storedAtMs: number;
}

/** Messages that wait on this side; each holds up to a hundred events. */
const MAX_WAITING = 64;

/**
 * Events that are handed over together, which one transaction takes, where there is a backlog. What a transaction costs by
 * itself is felt up to this; more of them gain nothing, and make it longer.
 */
const MAX_LIST_EVENTS = 2_000;

const NANOSECONDS = 1_000_000n;

/**
 * Reads messages in order, without acknowledging any: the position is the reader's to store. Yields what
 * has arrived as one list; ends with the signal; throws when the stream is lost or NATS was restarted: whoever begins
 * again then looks whether the stream is the same.
 */
export async function* consumeUsage(options: UsageConsumerOptions): AsyncGenerator<readonly UsageMessage[], undefined> {
  const { nats, stream, partition = '*', fromSeq, signal } = options;
  const subject = usageSubject(stream, partition);
  return yield* readSubject({ nats, stream, subject, fromSeq, maxWaiting: MAX_WAITING, signal }, inLists);
}

/** Whatever is there is handed over together, so that one transaction can take it; nothing waits for what comes later. */
async function* inLists(messages: ConsumerMessages): AsyncGenerator<readonly UsageMessage[]> {
  const iterator = messages[Symbol.asyncIterator]();
  let next = readAhead(iterator);
  for (let first = await next; first !== undefined; first = await next) {
    const list = [first];
    let eventCount = first.events?.length ?? 0;
    next = readAhead(iterator);
    while (list.length < MAX_WAITING) {
      const more = await Promise.race([next, nothingMore()]);
      eventCount += more?.events?.length ?? 0;
      if (more === undefined || eventCount > MAX_LIST_EVENTS) break;
      list.push(more);
      next = readAhead(iterator);
    }
    yield list;
  }
}

/** The next message; undefined at the end. */
function readAhead(iterator: AsyncIterator<JsMsg>): Promise<UsageMessage | undefined> {
  const next = iterator.next().then((result) => (result.done === true ? undefined : toUsageMessage(result.value)));
  // whoever stops at a list does not wait for what comes next, and must not be killed by it
  next.catch(() => undefined);
  return next;
}

/** By then everything that has arrived is in the iterator. */
async function nothingMore(): Promise<undefined> {
  await new Promise(setImmediate);
}

function toUsageMessage(message: JsMsg): UsageMessage {
  return {
    seq: message.seq,
    raw: message.data,
    events: decode(message.data),
    pending: message.info.pending,
    storedAtMs: Number(message.timestampNanos / NANOSECONDS),
  };
}

function decode(data: Uint8Array): readonly eventsV1.UsageEvent[] | undefined {
  try {
    return eventsV1.UsageBatch.decode(data).events;
  } catch {
    return undefined;
  }
}
