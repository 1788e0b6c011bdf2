import type { PageQuery } from './account-store.ts';
import { invalid } from './admin-deps.ts';

const PAGE = { usual: 100, most: 1_000 };
const MARK = 'after ';

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** A page of what `load` finds: what comes and goes between two pages makes nothing else appear twice or not at all. */
export async function loadPage<T extends { readonly id: string }>(
  { pageSize, pageToken }: PageRequest,
  load: (query: PageQuery) => Promise<readonly T[]>,
): Promise<Page<T>> {
  const size = pageSize === 0 ? PAGE.usual : Math.min(pageSize, PAGE.most);
  const found = await load({ limit: size + 1, after: parseToken(pageToken) });
  const items = found.slice(0, size);
  const last = items.at(-1);
  return { items, nextPageToken: last === undefined || found.length <= size ? '' : formatToken(last.id) };
}

function formatToken(id: string): string {
  return Buffer.from(`${MARK}${id}`).toString('base64url');
}

function parseToken(token: string): string | undefined {
  if (token === '') return undefined;
  const text = Buffer.from(token, 'base64url').toString();
  if (text.startsWith(MARK) && formatToken(text.slice(MARK.length)) === token) return text.slice(MARK.length);
  return invalid('page_token is none that this service gave: begin without one');
}
