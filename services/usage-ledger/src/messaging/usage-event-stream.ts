import { publishUsage, usageStreamState, type Nats } from '@omg/messaging';
import type { EventStream } from '../app/dead-letters/dead-letter-ports.ts';

const TIMEOUT_MS = 5_000;

/** The stream that this service charges from, to put events into it again. */
export function usageEventStream(nats: Nats, stream: string): EventStream {
  return {
    publish: async (partition, events) => {
      const { incarnation } = await usageStreamState(nats, stream);
      const { seq } = await publishUsage({ nats, stream, partition, events, timeoutMs: TIMEOUT_MS });
      return { incarnation, seq };
    },
  };
}
