import {
  consumeUsage,
  ensureUsageStream,
  usageStreamState,
  type Nats,
  type UsageMessage as ConsumedMessage,
  type UsageStreamOptions,
} from '@omg/messaging';
import { pause } from '@omg/service';
import type { ChargeMessagesInput, ChargeMessagesResult } from '../app/charge-messages.ts';
import type { Position, UsageMessage } from '../app/ports.ts';
import { parseUsageEvent } from './parse-usage-event.ts';

export interface PartitionReaderOptions {
  readonly nats: Nats;
  readonly stream: UsageStreamOptions;
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
  const { nats, partition, signal } = options;
  const { stream } = options.stream;
  // somebody may have deleted it, or the server may have lost it
  await ensureUsageStream(nats, options.stream);
  const { incarnation, lastSeq } = await usageStreamState(nats, stream);
  const stored = await options.position(partition);
  // another incarnation counts from 1 again, and a server that lost its last messages gives their numbers to others;
  // what is in the books already is known by its ids
  const isValid = stored !== undefined && stored.incarnation === incarnation && stored.seq <= lastSeq;
  const fromSeq = isValid ? stored.seq + 1 : 1;
  let position = stored;
  for await (const list of consumeUsage({ nats, stream, partition, fromSeq, signal })) {
    const messages = list.map(toUsageMessage);
    const result = await options.charge({ partition, from: position, incarnation, messages });
    position = result.position;
    options.onCharged(result, messages);
  }
}

function toUsageMessage({ seq, raw, events }: ConsumedMessage): UsageMessage {
  if (events !== undefined) return { seq, events: events.map(parseUsageEvent) };
  const content = { fault: 'the message is no usage batch' };
  return { seq, events: [{ numbered: undefined, content, payload: () => raw }] };
}
