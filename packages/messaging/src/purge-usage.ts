import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { Nats } from './connect-nats.ts';
import { usageSubject } from './usage-stream.ts';

export interface PurgeUsageOptions {
  readonly nats: Nats;
  readonly stream: string;
  readonly partition: number;
  /** Nothing behind this message is removed. */
  readonly upToSeq: number;
  /** Nothing that was stored since is removed. */
  readonly storedBefore: Date;
}

const LOOK_MS = 1_000;

/** Removes messages of a partition that are charged and old, and says how many. */
export async function purgeUsage(options: PurgeUsageOptions): Promise<number> {
  const { nats, stream, partition, upToSeq } = options;
  const young = await firstYoung(options);
  const seq = Math.min(upToSeq + 1, young);
  if (seq <= 1) return 0;
  const { streams } = await jetstreamManager(nats.connection);
  return (await streams.purge(stream, { filter: usageSubject(stream, partition), seq })).purged;
}

/** The sequence of the partition's first message that is not old; beyond all of them where all are. */
async function firstYoung({ nats, stream, partition, storedBefore }: PurgeUsageOptions): Promise<number> {
  const consumer = await jetstream(nats.connection).consumers.get(stream, {
    filter_subjects: usageSubject(stream, partition),
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: storedBefore.toISOString(),
  });
  try {
    if ((await consumer.info()).num_pending === 0) return Infinity;
    // one that is there and does not come in time: nothing is known to be old
    return (await consumer.next({ expires: LOOK_MS }))?.seq ?? 0;
  } finally {
    consumer.delete().catch(() => undefined);
  }
}
