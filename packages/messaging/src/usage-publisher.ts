import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import type { Nats } from './connect-nats.ts';
import { encodeBatch } from './usage-batch.ts';
import { USAGE_PARTITIONS, usageSubject } from './usage-stream.ts';

export interface UsagePublisherOptions {
  readonly nats: Nats;
  readonly stream: string;
  readonly maxBatchEvents?: number;
  readonly lingerMs?: number;
  /** Told of every failed try; the batch stays and is tried again. */
  readonly onRetry?: (error: unknown) => void;
}

export interface UsagePublisher extends AsyncDisposable {
  /** Takes an encoded UsageEvent. It is sent until JetStream has acknowledged it or the publisher is disposed of. */
  publish: (partition: number, event: Uint8Array) => void;
  /** Events that JetStream has not acknowledged yet. */
  readonly pending: number;
}

// well below the 1 MiB that a server takes by default
const MAX_BATCH_BYTES = 512 * 1024;
const RETRY_MS = { first: 100, most: 2_000 };
const ACKNOWLEDGEMENT_TIMEOUT_MS = 2_000;

/**
 * Sends events in batches, one on its way per partition, each until it is acknowledged. The queue has no bound of its
 * own: the journal, which holds the same events, stops admission when it is full.
 */
export function createUsagePublisher(options: UsagePublisherOptions): UsagePublisher {
  const { maxBatchEvents = 100, lingerMs = 20 } = options;
  const client = jetstream(options.nats.connection);
  const stopped = new AbortController();
  const lanes = Array.from(
    { length: USAGE_PARTITIONS },
    (_, partition) => new Lane(usageSubject(options.stream, partition)),
  );

  async function send(lane: Lane): Promise<void> {
    while (lane.queue.length > 0 && !stopped.signal.aborted) {
      // a message costs all who handle it far more than an event in it
      if (lane.queue.length < maxBatchEvents) await lingering(lane);
      const batch = takeBatch(lane.queue, maxBatchEvents);
      if (await sendUntilAcknowledged(lane.subject, encodeBatch(batch))) lane.queue.splice(0, batch.length);
    }
    lane.sending = false;
  }

  async function lingering(lane: Lane): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    lane.wake = resolve;
    const timer = setTimeout(resolve, lingerMs);
    await promise;
    clearTimeout(timer);
  }

  /** False where the publisher ended before. */
  async function sendUntilAcknowledged(subject: string, payload: Uint8Array): Promise<boolean> {
    // a try whose acknowledgement was lost is not stored again
    const msgID = randomUUID();
    for (let delayMs = RETRY_MS.first; !stopped.signal.aborted; delayMs = Math.min(2 * delayMs, RETRY_MS.most)) {
      try {
        await client.publish(subject, payload, { msgID, timeout: ACKNOWLEDGEMENT_TIMEOUT_MS });
        return true;
      } catch (error) {
        if (stopped.signal.aborted) break;
        options.onRetry?.(error);
        await delay(delayMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      }
    }
    return false;
  }

  return {
    publish(partition, event) {
      const lane = lanes[partition];
      if (lane === undefined) throw new RangeError(`there is no partition ${partition}`);
      lane.queue.push(event);
      if (lane.queue.length >= maxBatchEvents) lane.wake();
      if (lane.sending) return;
      lane.sending = true;
      void send(lane);
    },
    get pending() {
      return lanes.reduce((sum, lane) => sum + lane.queue.length, 0);
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
      for (const lane of lanes) lane.wake();
    },
  };
}

/** What waits for one partition. */
class Lane {
  readonly subject: string;
  readonly queue: Uint8Array[] = [];
  sending = false;
  wake: () => void = () => undefined;

  constructor(subject: string) {
    this.subject = subject;
  }
}

function takeBatch(queue: readonly Uint8Array[], maxEvents: number): readonly Uint8Array[] {
  let sizeBytes = 0;
  let count = 0;
  for (const event of queue) {
    sizeBytes += event.length;
    if (count === maxEvents || (count > 0 && sizeBytes > MAX_BATCH_BYTES)) break;
    count += 1;
  }
  return queue.slice(0, count);
}
