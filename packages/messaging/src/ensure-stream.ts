import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  jetstreamManager,
  type DiscardPolicy,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { Nats } from './connect-nats.ts';

export interface StreamSpec {
  readonly stream: string;
  readonly subjects: readonly string[];
  readonly replicas: number;
  /** What is made so where it is otherwise. */
  readonly kept: { readonly discard: DiscardPolicy; readonly max_bytes: number; readonly max_age: number };
}

export const INCARNATION = 'omg_incarnation';
/** JetStream's code for a name that is taken by a stream with another configuration. */
const NAME_IN_USE = 10_058;

/** Makes the stream, or makes the one that exists what it has to be; several may do so at once. */
export async function ensureStream(nats: Nats, { stream, subjects, replicas, kept }: StreamSpec): Promise<void> {
  const { streams } = await jetstreamManager(nats.connection);
  const existing = await findStream(nats, stream);
  if (existing !== undefined) {
    const { discard, max_bytes: bytes, max_age: age } = existing.config;
    if (!isDeepStrictEqual({ discard, max_bytes: bytes, max_age: age }, kept)) await streams.update(stream, kept);
    return;
  }
  try {
    await streams.add({
      ...kept,
      name: stream,
      subjects: [...subjects],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      num_replicas: replicas,
      metadata: { [INCARNATION]: randomUUID() },
    });
  } catch (error) {
    // somebody else was faster: with an id of its own, which makes it another configuration
    if (!(error instanceof JetStreamApiError && error.code === NAME_IN_USE)) throw error;
  }
}

export async function findStream(nats: Nats, stream: string): Promise<StreamInfo | undefined> {
  const manager = await jetstreamManager(nats.connection);
  try {
    return await manager.streams.info(stream);
  } catch (error) {
    if (error instanceof Error && error.name === 'StreamNotFoundError') return undefined;
    throw error;
  }
}
