import {
  consumeUsage,
  ensureUsageStream,
  usageStreamState,
  type Nats,
  type UsageMessage as ConsumedMessage,
  type UsageStreamOptions,
} from '@omg/messaging';
import { OmgError } from '@omg/errors';
import { renewWhile, type Owned } from '@omg/mongo';
import { pause } from '@omg/service';
import type { Behind } from '../app/backlog.ts';
import type { BookMessages, ChargeMessagesInput, ChargeMessagesResult } from '../app/charge-messages.ts';
import type { Position, UsageMessage } from '../app/ports.ts';
import { NewerEventError, parseUsageEvent } from './parse-usage-event.ts';

export interface PartitionReaderOptions {
  readonly nats: Nats;
  readonly stream: UsageStreamOptions;
  readonly partition: number;
  /** Renewed by the loop that charges, also while it waits: a partition without traffic is not for the taking. */
  readonly owned: Pick<Owned, 'signal' | 'renew' | 'renewalDueInMs'>;
  /** Where the last transaction of this or an earlier owner ended. */
  readonly position: () => Position | undefined;
  /** Prepares a charge while the one before it is being booked. */
  readonly charge: (input: ChargeMessagesInput) => Promise<BookMessages>;
  readonly onCharged: (result: ChargeMessagesResult, messages: readonly UsageMessage[], behind: Behind) => void;
  /** Told of whatever interrupts the reading; it begins again at the stored position. */
  readonly onInterrupted: (partition: number, error: unknown) => void;
  /** Told when an event is from a newer router; what was before it is charged. */
  readonly onStopped: (partition: number, error: NewerEventError) => void;
}

const PAUSE_MS = 500;
/** A list that takes longer is stuck: the partition is for the taking then. */
const MOST_BOOKING_MS = 15_000;

/**
 * Reads and charges one partition for as long as this process owns it. It gives the partition up where an event is from a
 * newer router: a newer usage-ledger may take it, else it is tried again.
 */
export async function readPartition(options: PartitionReaderOptions): Promise<void> {
  const { partition, owned } = options;
  while (!owned.signal.aborted) {
    await owned.renew();
    try {
      await readFromStoredPosition(options);
    } catch (error) {
      if (error instanceof OmgError && error.code === 'not_owner') throw error;
      if (error instanceof NewerEventError) {
        options.onStopped(partition, error);
        return;
      }
      options.onInterrupted(partition, error);
    }
    await pause(PAUSE_MS, owned.signal);
  }
}

async function readFromStoredPosition(options: PartitionReaderOptions): Promise<void> {
  const { nats, partition, owned } = options;
  const { stream } = options.stream;
  // somebody may have deleted it, or the server may have lost it
  await ensureUsageStream(nats, options.stream);
  const { incarnation, lastSeq } = await usageStreamState(nats, stream);
  const stored = options.position();
  // another incarnation counts from 1 again, and a server that lost its last messages gives their numbers to others;
  // what is in the books already is known by its ids
  const isValid = stored !== undefined && stored.incarnation === incarnation && stored.seq <= lastSeq;
  const fromSeq = isValid ? stored.seq + 1 : 1;
  const ended = new AbortController();
  const signal = AbortSignal.any([owned.signal, ended.signal]);
  const lists = consumeUsage({ nats, stream, partition, fromSeq, signal });
  let newer: NewerEventError | undefined;
  const prepareNext = async (): Promise<PreparedList | undefined> => {
    const list = newer === undefined ? await lists.next() : { done: false, value: [] };
    if (list.done === true) return undefined;
    const messages: UsageMessage[] = [];
    for (const message of list.value) {
      try {
        messages.push(toUsageMessage(message));
      } catch (error) {
        if (!(error instanceof NewerEventError)) throw error;
        newer = error;
        break;
      }
    }
    if (messages.length === 0 && newer !== undefined) throw newer;
    const last = list.value[messages.length - 1];
    return { messages, last, book: await options.charge({ partition, incarnation, messages }) };
  };
  try {
    let next = prepareNext();
    for (;;) {
      const list = await renewWhile(owned, next);
      if (list === undefined) return;
      next = prepareNext();
      // its failure is for the next round; this one may end before
      next.catch(() => undefined);
      const result = await renewWhile(owned, list.book(), MOST_BOOKING_MS);
      const { pending = 0, storedAtMs = Date.now() } = list.last ?? {};
      options.onCharged(result, list.messages, { messages: pending, ageMs: Math.max(0, Date.now() - storedAtMs) });
    }
  } finally {
    ended.abort();
    await lists.return(undefined).catch(() => undefined);
  }
}

interface PreparedList {
  readonly messages: readonly UsageMessage[];
  readonly last: ConsumedMessage | undefined;
  readonly book: BookMessages;
}

function toUsageMessage({ seq, raw, events }: ConsumedMessage): UsageMessage {
  if (events !== undefined) return { seq, events: events.map(parseUsageEvent) };
  const content = { fault: 'the message is no usage batch' };
  return { seq, events: [{ numbered: undefined, content, payload: () => raw }] };
}
