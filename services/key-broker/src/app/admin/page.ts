import { OmgError } from '@omg/errors';

const PAGE = { usual: 100, most: 1_000 };

export function pageSizeOf(wanted: number): number {
  return wanted === 0 ? PAGE.usual : Math.min(wanted, PAGE.most);
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/**
 * One page of items, in the order of their names: what comes and goes between two pages makes nothing else appear
 * twice or not at all.
 */
export function pageByName<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string },
): Page<T> {
  const after = parsePageToken(pageToken);
  const size = pageSizeOf(pageSize);
  const rest = byName(items, nameOf).filter((item) => after === undefined || nameOf(item) > after);
  const page = rest.slice(0, size);
  const last = page.at(-1);
  return { items: page, nextPageToken: last === undefined || rest.length <= size ? '' : toPageToken(nameOf(last)) };
}

export function byName<T>(items: readonly T[], nameOf: (item: T) => string): readonly T[] {
  return items.toSorted((a, b) => {
    const [nameA, nameB] = [nameOf(a), nameOf(b)];
    if (nameA === nameB) return 0;
    return nameA < nameB ? -1 : 1;
  });
}

const MARK = 'after ';

export function toPageToken(position: string): string {
  return Buffer.from(`${MARK}${position}`).toString('base64url');
}

/** Undefined: from the beginning. */
export function parsePageToken(token: string): string | undefined {
  if (token === '') return undefined;
  const text = Buffer.from(token, 'base64url').toString();
  if (text.startsWith(MARK) && toPageToken(text.slice(MARK.length)) === token) return text.slice(MARK.length);
  throw new OmgError('invalid_argument', 'page_token is none that this service gave: begin without one');
}
