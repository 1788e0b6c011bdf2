import { OmgError } from '@omg/errors';
import type { ChargedRequest } from '../domain/usage-record.ts';
import type { LogCursor, LogQuery, RequestLogs } from './ports.ts';

const PAGE = { usual: 50, most: 1_000 };

export type LogFilter = Omit<LogQuery, 'pageSize' | 'before'> & {
  readonly pageSize: number;
  readonly pageToken: string;
};

export interface LogPage {
  readonly logs: readonly ChargedRequest[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

export interface QueryLogs {
  get: (requestId: string) => Promise<ChargedRequest>;
  list: (filter: LogFilter) => Promise<LogPage>;
}

export function makeQueryLogs(deps: { readonly logs: RequestLogs }): QueryLogs {
  return {
    get: async (requestId) => {
      const log = await deps.logs.find(requestId);
      if (log === undefined) throw new OmgError('not_found', `no request ${requestId} is in the books`);
      return log;
    },
    list: async ({ pageSize, pageToken, ...filter }) => {
      const size = pageSize === 0 ? PAGE.usual : Math.min(pageSize, PAGE.most);
      const logs = await deps.logs.list({ ...filter, pageSize: size, before: parseToken(pageToken) });
      const last = logs.at(-1);
      return { logs, nextPageToken: last === undefined || logs.length < size ? '' : formatToken(last) };
    },
  };
}

function formatToken({ record }: ChargedRequest): string {
  return `${record.acceptedAt.getTime()}~${record.requestId}`;
}

function parseToken(token: string): LogCursor | undefined {
  if (token === '') return undefined;
  const [, time, requestId] = /^(\d{1,15})~(.+)$/.exec(token) ?? [];
  if (time === undefined || requestId === undefined)
    throw new OmgError('invalid_argument', 'page_token is none that this service gave');
  return { createdAt: new Date(Number(time)), requestId };
}
