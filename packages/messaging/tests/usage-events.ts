import { randomUUID } from 'node:crypto';
import { eventsV1 } from '@omg/proto-gen';
import { consumeUsage, type Nats, type UsageMessage } from '../src/index.ts';

/** An event that is told apart by its number. */
export function encodedEvent(number: number, padding = ''): Uint8Array {
  const event = eventsV1.UsageEvent.fromPartial({ requestId: randomUUID(), number: BigInt(number), model: padding });
  return eventsV1.UsageEvent.encode(event).finish();
}

export function numbersOf(messages: readonly UsageMessage[]): readonly number[] {
  return messages.flatMap(({ events }) => events ?? []).map(({ number }) => Number(number));
}

export interface ReadOptions {
  readonly nats: Nats;
  readonly stream: string;
  readonly partition?: number;
  readonly fromSeq?: number;
  /** All messages so far are enough. */
  readonly until: (messages: readonly UsageMessage[]) => boolean;
  readonly timeoutMs?: number;
}

/** What a consumer reads until it is enough; what came until then where it is not in time. */
export async function readUntil(options: ReadOptions): Promise<readonly UsageMessage[]> {
  const { nats, stream, partition = 0, fromSeq = 1, until, timeoutMs = 5_000 } = options;
  const messages: UsageMessage[] = [];
  const signal = AbortSignal.timeout(timeoutMs);
  for await (const list of consumeUsage({ nats, stream, partition, fromSeq, signal })) {
    messages.push(...list);
    if (until(messages)) break;
  }
  return messages;
}

export function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}
