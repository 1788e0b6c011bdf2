import { OmgError } from '@omg/errors';
import { loadPage, type Page, type PageRequest } from '../admin/page.ts';
import type { DeadLetterStore, LetterCursor, LetterQuery, StoredLetter } from './dead-letter-ports.ts';

/** Newest first; a letter that is charged between two pages loses nobody their place. */
export function makeListDeadLetters(
  letters: Pick<DeadLetterStore, 'list'>,
): (input: LetterQuery & PageRequest) => Promise<Page<StoredLetter>> {
  return async ({ pageSize, pageToken, ...query }) => {
    const { items, nextPageToken } = await loadPage({ pageSize, pageToken }, async ({ limit, after }) => {
      const found = await letters.list({ ...query, limit, before: parseCursor(after) });
      return found.map((letter) => ({ id: `${letter.at.getTime()}~${letter.id}`, letter }));
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

function parseCursor(after: string | undefined): LetterCursor | undefined {
  const [, time, id] = /^(\d{1,15})~(.*)$/s.exec(after ?? '') ?? [];
  return time === undefined || id === undefined ? undefined : { at: new Date(Number(time)), id };
}
