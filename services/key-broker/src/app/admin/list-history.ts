import type { HistoryRecord } from '../pool-store.ts';
import type { AdminDeps } from './admin-deps.ts';
import { pageSizeOf, parsePageToken, toPageToken } from './page.ts';

export interface ListHistoryInput {
  readonly provider: string;
  /** Empty: of all keys, those that are gone too. */
  readonly keyId: string;
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface ListHistoryResult {
  readonly entries: readonly HistoryRecord[];
  readonly nextPageToken: string;
}

/** The newest first. */
export function makeListHistory({
  offices,
}: Pick<AdminDeps, 'offices'>): (input: ListHistoryInput) => Promise<ListHistoryResult> {
  return async ({ provider, keyId, pageSize, pageToken }) => {
    const before = parsePageToken(pageToken);
    const { entries, next } = await offices.get(provider).store.listHistory({
      limit: pageSizeOf(pageSize),
      ...(keyId === '' ? {} : { keyId }),
      ...(before === undefined ? {} : { before }),
    });
    return { entries, nextPageToken: next === undefined ? '' : toPageToken(next) };
  };
}
