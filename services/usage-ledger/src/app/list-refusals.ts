import type { RefusalFilter, RefusalSum, Refusals } from './refusal-ports.ts';
import { formatTimeCursor, noToken, pageSizeOf, parseTimeCursor } from './time-cursor.ts';

export interface RefusalPageQuery extends RefusalFilter {
  readonly pageSize: number;
  readonly pageToken: string;
  /** All minutes together, the most first; else minute by minute, newest first. */
  readonly summed: boolean;
}

export interface RefusalPage {
  readonly refusals: readonly RefusalSum[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

export function makeListRefusals({ refusals }: { readonly refusals: Refusals }) {
  return async ({ pageSize, pageToken, summed, ...filter }: RefusalPageQuery): Promise<RefusalPage> => {
    const size = pageSizeOf(pageSize);
    if (summed) {
      const skip = parseSkip(pageToken);
      const sums = await refusals.sum(filter, { size, skip });
      return { refusals: sums, nextPageToken: sums.length < size ? '' : String(skip + size) };
    }
    const page = await refusals.list(filter, { size, before: parseTimeCursor(pageToken) });
    const last = page.at(-1);
    return {
      refusals: page.map(({ count: { minute, ...count } }) => ({ ...count, firstMinute: minute, lastMinute: minute })),
      nextPageToken:
        last === undefined || page.length < size ? '' : formatTimeCursor({ at: last.count.minute, id: last.id }),
    };
  };
}

function parseSkip(token: string): number {
  if (token === '') return 0;
  if (!/^\d{1,9}$/.test(token)) throw noToken();
  return Number(token);
}
