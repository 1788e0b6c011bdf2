import type { Filter, Sort } from 'mongodb';
import type { TimeCursor } from '../app/time-cursor.ts';
import type { RequestLogDocument } from './request-log-document.ts';

export interface NewestFirstOptions {
  readonly filter: Filter<RequestLogDocument>;
  readonly before: TimeCursor | undefined;
  readonly pageSize: number;
  readonly read: (
    filter: Filter<RequestLogDocument>,
    sort: Sort,
    limit: number,
  ) => Promise<readonly RequestLogDocument[]>;
}

/**
 * A page in the order of time and, of logs of the same millisecond, of ids. An index has the times only, the one that
 * forgets: one with the ids as well would cost each charge more than asking for a page's last millisecond again.
 */
export async function newestFirst(options: NewestFirstOptions): Promise<readonly RequestLogDocument[]> {
  const { filter, before, pageSize, read } = options;
  const within = async (createdAt: Date, ids: Filter<RequestLogDocument>, limit: number) =>
    await read({ $and: [filter, { createdAt }, ids] }, { _id: -1 }, limit);
  const ties = before === undefined ? [] : await within(before.at, { _id: { $lt: before.id } }, pageSize);
  const wanted = pageSize - ties.length;
  if (wanted === 0) return ties;
  const older = before === undefined ? [] : [{ createdAt: { $lt: before.at } }];
  const found = await read({ $and: [filter, ...older] }, { createdAt: -1 }, wanted);
  const lastAt = found.at(-1)?.createdAt;
  if (lastAt === undefined) return ties;
  const sure = found.filter(({ createdAt }) => createdAt > lastAt);
  const last = await within(lastAt, {}, wanted - sure.length);
  return [...ties, ...sure.toSorted(byTimeAndId), ...last];
}

function byTimeAndId(a: RequestLogDocument, b: RequestLogDocument): number {
  return b.createdAt.getTime() - a.createdAt.getTime() || (a._id < b._id ? 1 : -1);
}
