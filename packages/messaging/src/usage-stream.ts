import { DiscardPolicy } from '@nats-io/jetstream';
import { jetstreamManager } from '@nats-io/jetstream';
import { OmgError } from '@omg/errors';
import type { Nats } from './connect-nats.ts';
import { INCARNATION, ensureStream, findStream } from './ensure-stream.ts';

/** How many parts the accounts are divided into; each has one owner in usage-ledger and one subject. */
export const USAGE_PARTITIONS = 8;

/** The partition of an account: FNV-1a 32 of its tenant's id. */
export function partitionOf(tenantId: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(tenantId, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % USAGE_PARTITIONS;
}

/** Subjects carry the stream's name, so that several streams can live on one server. */
export function usageSubject(stream: string, partition: number | '*'): string {
  return `${stream.toLowerCase()}.${partition}`;
}

export interface UsageStreamOptions {
  readonly stream: string;
  readonly maxBytes: number;
  readonly replicas?: number;
}

/**
 * Makes the stream, or makes the one that exists what it has to be; several may do so at once. When it is full it refuses
 * what is new (`discard: new`): the default would drop events that nobody has charged.
 */
export async function ensureUsageStream(nats: Nats, options: UsageStreamOptions): Promise<void> {
  const { stream, maxBytes, replicas = 1 } = options;
  await ensureStream(nats, {
    stream,
    subjects: Array.from({ length: USAGE_PARTITIONS }, (_, partition) => usageSubject(stream, partition)),
    replicas,
    kept: { discard: DiscardPolicy.New, max_bytes: maxBytes, max_age: 0 },
  });
}

export interface UsageStreamState {
  /** Which creation of the stream this is: a stored position means nothing to another one. */
  readonly incarnation: string;
  /** Of the last message. A position beyond it is of messages that the server has lost: reading from there would wait for ever. */
  readonly lastSeq: number;
  /** How full it is. */
  readonly bytes: number;
  readonly maxBytes: number;
}

export async function usageStreamState(nats: Nats, stream: string): Promise<UsageStreamState> {
  const info = await findStream(nats, stream);
  if (info === undefined) throw new OmgError('unavailable', `stream ${stream} does not exist`);
  return {
    // a stream that somebody made by hand has no id; when it was made tells it apart as well
    incarnation: info.config.metadata?.[INCARNATION] ?? info.created,
    lastSeq: info.state.last_seq,
    bytes: info.state.bytes,
    maxBytes: info.config.max_bytes,
  };
}

/** The sequence of the partition's last message; 0 where there is none. */
export async function lastUsageSeq(nats: Nats, stream: string, partition: number): Promise<number> {
  const { streams } = await jetstreamManager(nats.connection);
  return (await streams.getMessage(stream, { last_by_subj: usageSubject(stream, partition) }))?.seq ?? 0;
}
