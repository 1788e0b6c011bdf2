import { jetstream } from '@nats-io/jetstream';
import { OmgError } from '@omg/errors';
import type { Nats } from './connect-nats.ts';
import { encodeBatch } from './usage-batch.ts';
import { usageSubject } from './usage-stream.ts';

export interface PublishUsageOptions {
  readonly nats: Nats;
  readonly stream: string;
  readonly partition: number;
  /** Encoded, at most a hundred. */
  readonly events: readonly Uint8Array[];
  readonly timeoutMs: number;
}

/** Sends events of one partition once and returns when JetStream has stored them, and where: for publishers without a journal. */
export async function publishUsage(options: PublishUsageOptions): Promise<{ readonly seq: number }> {
  const { nats, stream, partition, events, timeoutMs } = options;
  if (events.length === 0) return { seq: 0 };
  try {
    const { seq } = await jetstream(nats.connection).publish(usageSubject(stream, partition), encodeBatch(events), {
      timeout: timeoutMs,
    });
    return { seq };
  } catch (error) {
    throw new OmgError('unavailable', 'usage cannot be stored at the moment', { cause: error });
  }
}
