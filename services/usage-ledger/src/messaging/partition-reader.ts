import { consumeUsage, usageIncarnation, type Nats } from '@omg/messaging';
import type { eventsV1 } from '@omg/proto-gen';
import { pause } from '@omg/service';
import type { ChargeMessagesInput, ChargeMessagesResult } from '../app/charge-messages.ts';
import type { Position, UsageMessage } from '../app/ports.ts';
import { parseUsageEvent } from './parse-usage-event.ts';

export interface PartitionReaderOptions {
  readonly nats: Nats;
  readonly stream: string;
  readonly partition: number;
  readonly position: (partition: number) => Promise<Position | undefined>;
  readonly charge: (input: ChargeMessagesInput) => Promise<ChargeMessagesResult>;
  readonly onCharged: (result: ChargeMessagesResult, messages: readonly UsageMessage[]) => void;
  /** Told of whatever interrupts the reading; it begins again at the stored position. */
  readonly onInterrupted: (partition: number, error: unknown) => void;
  readonly signal: AbortSignal;
}

const PAUSE_MS = 500;

/** Reads and charges one partition until the signal; nothing but the signal ends it. */
export async function readPartition(options: PartitionReaderOptions): Promise<void> {
  const { partition, signal } = options;
  while (!signal.aborted) {
    try {
      await readFromStoredPosition(options);
    } catch (error) {
      options.onInterrupted(partition, error);
    }
    await pause(PAUSE_MS, signal);
  }
}

async function readFromStoredPosition(options: PartitionReaderOptions): Promise<void> {
  const { nats, stream, partition, signal } = options;
  const incarnation = await usageIncarnation(nats, stream);
  let position = await options.position(partition);
  // another incarnation counts from 1 again; what of it is in the books already is known by its ids
  const fromSeq = position?.incarnation === incarnation ? position.seq + 1 : 1;
  for await (const list of consumeUsage({ nats, stream, partition, fromSeq, signal })) {
    const messages = list.map(({ seq, raw, events }) => ({ seq, raw, records: parseAll(events) }));
    const result = await options.charge({ partition, from: position, incarnation, messages });
    position = result.position;
    options.onCharged(result, messages);
  }
}

/** All records of a message, or undefined where one of its events cannot be read: the message then is kept as it is. */
function parseAll(events: readonly eventsV1.UsageEvent[] | undefined): UsageMessage['records'] {
  const records = events?.map(parseUsageEvent);
  return records?.every((record) => record !== undefined) === true ? records : undefined;
}
