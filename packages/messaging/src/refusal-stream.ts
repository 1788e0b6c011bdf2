import { DiscardPolicy, jetstream } from '@nats-io/jetstream';
import { OmgError } from '@omg/errors';
import { encodeMessage, refusalEventsV1 } from '@omg/proto-gen';
import type { Nats } from './connect-nats.ts';
import { ensureStream } from './ensure-stream.ts';
import { readSubject } from './read-subject.ts';

export interface RefusalStreamOptions {
  readonly stream: string;
  readonly maxBytes: number;
  readonly replicas?: number;
}

/** More rows than that are several batches: one has to fit into a message, and into a transaction. */
export const MAX_BATCH_COUNTS = 500;

const MAX_AGE_NS = 7 * 86_400 * 1_000_000_000;
const MAX_WAITING = 16;

/** As for usage: several streams can live on one server. */
function refusalSubject(stream: string): string {
  return stream.toLowerCase();
}

/** Makes the stream. When it is full it forgets what is oldest: counts are not worth holding anybody up. */
export async function ensureRefusalStream(nats: Nats, options: RefusalStreamOptions): Promise<void> {
  const { stream, maxBytes, replicas = 1 } = options;
  const kept = { discard: DiscardPolicy.Old, max_bytes: maxBytes, max_age: MAX_AGE_NS };
  await ensureStream(nats, { stream, subjects: [refusalSubject(stream)], replicas, kept });
}

interface PublishRefusalsOptions {
  readonly nats: Nats;
  readonly stream: string;
  readonly batch: refusalEventsV1.RefusalBatch;
  readonly timeoutMs: number;
}

/** Sends a batch once and returns when JetStream has stored it, be it now or by an earlier call. */
export async function publishRefusals({ nats, stream, batch, timeoutMs }: PublishRefusalsOptions): Promise<void> {
  const payload = encodeMessage(refusalEventsV1.RefusalBatch, batch);
  try {
    await jetstream(nats.connection).publish(refusalSubject(stream), payload, {
      // spares the stream most of what is sent again; who reads knows the rest by its number
      msgID: `${batch.epoch}/${batch.number}`,
      timeout: timeoutMs,
    });
  } catch (error) {
    throw new OmgError('unavailable', 'counts of refused requests cannot be stored at the moment', { cause: error });
  }
}

export interface RefusalMessage {
  readonly seq: number;
  /** Undefined where the message is no RefusalBatch. */
  readonly batch: refusalEventsV1.RefusalBatch | undefined;
}

export interface RefusalConsumerOptions {
  readonly nats: Nats;
  readonly stream: string;
  /** The first message's sequence in the stream; what is forgotten by then is left out. */
  readonly fromSeq: number;
  readonly signal: AbortSignal;
}

/** As `consumeUsage`, one message after the other. */
export async function* consumeRefusals(options: RefusalConsumerOptions): AsyncGenerator<RefusalMessage, undefined> {
  const subject = refusalSubject(options.stream);
  return yield* readSubject({ ...options, subject, maxWaiting: MAX_WAITING }, async function* (messages) {
    for await (const { seq, data } of messages) yield { seq, batch: decode(data) };
  });
}

function decode(data: Uint8Array): refusalEventsV1.RefusalBatch | undefined {
  try {
    return refusalEventsV1.RefusalBatch.decode(data);
  } catch {
    return undefined;
  }
}
