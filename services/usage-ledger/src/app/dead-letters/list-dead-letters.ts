import { OmgError } from '@omg/errors';
import { loadPage, type Page, type PageRequest } from '../admin/page.ts';
import { formatTimeCursor, parseTimeCursor } from '../time-cursor.ts';
import type { DeadLetterStore, LetterQuery, StoredLetter } from './dead-letter-ports.ts';

/** Newest first; a letter that is charged between two pages loses nobody their place. */
export function makeListDeadLetters(
  letters: Pick<DeadLetterStore, 'list'>,
): (input: LetterQuery & PageRequest) => Promise<Page<StoredLetter>> {
  return async ({ pageSize, pageToken, ...query }) => {
    const { items, nextPageToken } = await loadPage({ pageSize, pageToken }, async ({ limit, after }) => {
      const found = await letters.list({ ...query, limit, before: parseTimeCursor(after ?? '') });
      return found.map((letter) => ({ id: formatTimeCursor(letter), letter }));
    });
    return { items: items.map(({ letter }) => letter), nextPageToken };
  };
}

export function makeGetDeadLetter(letters: Pick<DeadLetterStore, 'find'>): (id: string) => Promise<StoredLetter> {
  return async (id) => {
    const [letter] = await letters.find([id]);
    if (letter === undefined) throw new OmgError('not_found', 'there is no such dead letter: it may be charged by now');
    return letter;
  };
}
