import {
  consumeUsage,
  ensureUsageStream,
  usageStreamState,
  type Nats,
  type UsageMessage as ConsumedMessage,
  type UsageStreamOptions,
} from '@omg/messaging';
import { OmgError } from '@omg/errors';
import { pause } from '@omg/service';
import type { ChargeMessagesInput, ChargeMessagesResult } from '../app/charge-messages.ts';
import type { Position, UsageMessage } from '../app/ports.ts';
import { parseUsageEvent } from './parse-usage-event.ts';

/** This process's right to charge a partition; it has to be renewed each second, by the loop that charges. */
export interface Tenure {
  readonly signal: AbortSignal;
  readonly renewalDueInMs: () => number;
  /** Throws `not_owner` when it is over. */
  readonly renew: () => Promise<void>;
}

export interface PartitionReaderOptions {
  readonly nats: Nats;
  readonly stream: UsageStreamOptions;
  readonly partition: number;
  readonly owned: Tenure;
  /** Where the last transaction of this or an earlier owner ended. */
  readonly position: () => Position | undefined;
  readonly charge: (input: ChargeMessagesInput) => Promise<ChargeMessagesResult>;
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
  try {
    for (;;) {
      const list = await renewingUntil(lists.next(), owned);
      if (list.done === true) return;
      const messages = list.value.map(toUsageMessage);
      const result = await renewingUntil(options.charge({ partition, incarnation, messages }), owned);
      options.onCharged(result, messages);
    }
  } finally {
    ended.abort();
    await lists.return(undefined).catch(() => undefined);
  }
}

/** Waits for it, and keeps the ownership meanwhile: a partition without traffic is not anybody's for the taking. */
async function renewingUntil<T>(work: Promise<T>, owned: Tenure): Promise<T> {
  const done = work.then((value) => ({ value }));
  done.catch(() => undefined);
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, Math.max(10, owned.renewalDueInMs()), undefined);
    try {
      const result = await Promise.race([done, promise]);
      if (result !== undefined) return result.value;
    } finally {
      clearTimeout(timer);
    }
    await owned.renew();
  }
}

function toUsageMessage({ seq, raw, events }: ConsumedMessage): UsageMessage {
  if (events !== undefined) return { seq, events: events.map(parseUsageEvent) };
  const content = { fault: 'the message is no usage batch' };
  return { seq, events: [{ numbered: undefined, content, payload: () => raw }] };
}
