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
import type { BookMessages, ChargeMessagesInput, ChargeMessagesResult } from '../app/charge-messages.ts';
import type { Position, UsageMessage } from '../app/ports.ts';
import { parseUsageEvent } from './parse-usage-event.ts';

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
  readonly onCharged: (result: ChargeMessagesResult, messages: readonly UsageMessage[]) => void;
  /** Told of whatever interrupts the reading; it begins again at the stored position. */
  readonly onInterrupted: (partition: number, error: unknown) => void;
}

const PAUSE_MS = 500;

/** Reads and charges one partition for as long as this process owns it. */
export async function readPartition(options: PartitionReaderOptions): Promise<void> {
  const { partition, owned } = options;
  while (!owned.signal.aborted) {
    await owned.renew();
    try {
      await readFromStoredPosition(options);
    } catch (error) {
      if (error instanceof OmgError && error.code === 'not_owner') throw error;
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
  const prepareNext = async (): Promise<PreparedList | undefined> => {
    const list = await lists.next();
    if (list.done === true) return undefined;
    const messages = list.value.map(toUsageMessage);
    return { messages, book: await options.charge({ partition, incarnation, messages }) };
  };
  try {
    let next = prepareNext();
    for (;;) {
      const list = await renewWhile(owned, next);
      if (list === undefined) return;
      next = prepareNext();
      // its failure is for the next round; this one may end before
      next.catch(() => undefined);
      const result = await renewWhile(owned, list.book());
      options.onCharged(result, list.messages);
    }
  } finally {
    ended.abort();
    await lists.return(undefined).catch(() => undefined);
  }
}

interface PreparedList {
  readonly messages: readonly UsageMessage[];
  readonly book: BookMessages;
}

function toUsageMessage({ seq, raw, events }: ConsumedMessage): UsageMessage {
  if (events !== undefined) return { seq, events: events.map(parseUsageEvent) };
  const content = { fault: 'the message is no usage batch' };
  return { seq, events: [{ numbered: undefined, content, payload: () => raw }] };
}
