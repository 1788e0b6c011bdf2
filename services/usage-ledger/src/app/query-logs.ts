import { OmgError } from '@omg/errors';
import type { ChargedRequest } from '../domain/usage-record.ts';
import type { LogFilter, RequestLogs } from './ports.ts';
import { formatTimeCursor, noToken, pageSizeOf, parseTimeCursor } from './time-cursor.ts';

export interface LogPageQuery extends LogFilter {
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface LogPage {
  readonly logs: readonly ChargedRequest[];
  /** Of a list, empty on the last page; of a tail, never. */
  readonly nextPageToken: string;
}

export interface QueryLogs {
  get: (requestId: string) => Promise<ChargedRequest>;
  /** Newest first. */
  list: (query: LogPageQuery) => Promise<LogPage>;
  /** What was charged since the page before, each once; without a token nothing, and the token of now. */
  tail: (query: LogPageQuery) => Promise<LogPage>;
}

export function makeQueryLogs(deps: { readonly logs: RequestLogs; readonly partitions: number }): QueryLogs {
  const { logs, partitions } = deps;
  return {
    get: async (requestId) => {
      const log = await logs.find(requestId);
      if (log === undefined) throw new OmgError('not_found', `no request ${requestId} is in the books`);
      return log;
    },
    list: async ({ pageSize, pageToken, ...filter }) => {
      const size = pageSizeOf(pageSize);
      const page = await logs.list({ ...filter, pageSize: size, before: parseTimeCursor(pageToken) });
      const last = page.at(-1);
      return { logs: page, nextPageToken: last === undefined || page.length < size ? '' : formatToken(last) };
    },
    tail: async ({ pageSize, pageToken, ...filter }) => {
      if (pageToken === '') {
        const ends = Array.from({ length: partitions }, async (_, partition) => await logs.end(partition));
        return { logs: [], nextPageToken: (await Promise.all(ends)).join('~') };
      }
      const orders = parseTailToken(pageToken, partitions);
      const page: ChargedRequest[] = [];
      for (const [partition, after] of orders.entries()) {
        const room = pageSizeOf(pageSize) - page.length;
        if (room === 0) break;
        const found = await logs.tail({ ...filter, partition, after, pageSize: room });
        orders[partition] = found.at(-1)?.order ?? after;
        page.push(...found.map(({ request }) => request));
      }
      return { logs: page, nextPageToken: orders.join('~') };
    },
  };
}

function formatToken({ record }: ChargedRequest): string {
  return formatTimeCursor({ at: record.acceptedAt, id: record.requestId });
}

/** The places in the charged logs of the partitions, in their order. */
function parseTailToken(token: string, partitions: number): bigint[] {
  const orders = token.split('~');
  if (orders.length !== partitions || !orders.every((order) => /^\d{1,19}$/.test(order))) throw noToken();
  return orders.map(BigInt);
}
