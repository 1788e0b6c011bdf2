import { Long, ObjectId, type ClientSession } from 'mongodb';
import { z } from 'zod';
import type { HistoryQuery, HistoryRecord } from '../app/pool-store.ts';
import { Id, Moment } from './field-schemas.ts';
import { oneOf } from './pool-collections.ts';
import type { PoolContext } from './pool-context.ts';

export async function writeHistory(
  { collections, provider }: PoolContext,
  records: readonly HistoryRecord[],
  session: ClientSession,
): Promise<void> {
  if (records.length === 0) return;
  await collections.history.insertMany(
    records.map(({ generation, atMs, ...record }) => ({
      _id: new ObjectId(),
      provider,
      ...record,
      generation: Long.fromBigInt(generation),
      at: new Date(atMs),
    })),
    { session },
  );
}

const StoredRecord = z.object({
  _id: Id,
  keyId: z.string().catch(''),
  // what is stored was a record of some version of this system
  cause: z.custom<HistoryRecord['cause']>((cause) => typeof cause === 'string'),
  from: z.custom<HistoryRecord['from']>((status) => typeof status === 'string'),
  to: z.custom<HistoryRecord['to']>((status) => typeof status === 'string'),
  generation: z.coerce.bigint().catch(0n),
  actor: z.string().catch(''),
  at: Moment,
  message: z.string().nullish(),
});

const MAX_PAGE = 1_000;

export async function listHistory(
  { collections, provider }: PoolContext,
  { keyId, limit, before }: HistoryQuery,
): Promise<{ readonly entries: readonly HistoryRecord[]; readonly next?: string }> {
  const size = Math.min(Math.max(1, limit), MAX_PAGE);
  const documents = await collections.history
    .find({
      provider,
      ...(keyId !== undefined && { keyId: oneOf([keyId]) }),
      ...(before !== undefined && ObjectId.isValid(before) && { _id: { $lt: new ObjectId(before) } }),
    })
    .sort({ _id: -1 })
    .limit(size + 1)
    .toArray();
  const read = documents.slice(0, size).flatMap((document) => {
    const parsed = StoredRecord.safeParse(document);
    return parsed.success ? [parsed.data] : [];
  });
  const last = documents.length > size ? documents[size - 1] : undefined;
  return {
    entries: read.map(({ _id, at, message, ...record }) => ({
      ...record,
      atMs: at ?? 0,
      ...(typeof message === 'string' && { message }),
    })),
    ...(last !== undefined && { next: String(last._id) }),
  };
}
