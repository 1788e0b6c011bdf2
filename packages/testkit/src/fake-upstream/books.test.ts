import { describe, expect, test } from 'vitest';

import type { BookEntry } from './book-entry.ts';
import { Books } from './books.ts';
import { NO_CREDIT } from './chunker.ts';
import { NO_TOKENS } from './tokens.ts';

function openIn(books: Books, key = 'k'): BookEntry {
  return books.open({
    method: 'POST',
    path: '/v1/messages',
    query: '',
    requestHeaders: [],
    key,
    keyHeader: 'x-api-key',
    proxy: 'direct',
    remote: '127.0.0.1:1',
    connection: 1,
    requestOnConnection: 1,
  });
}

function answer(books: Books, entry: BookEntry, sizeBytes: number): void {
  entry.stream = true;
  books.received(entry, Buffer.alloc(10));
  books.began(entry, 200, `req-${entry.id}`, { ...NO_TOKENS, input: 5 });
  books.wrote(entry, Buffer.alloc(sizeBytes, entry.id), { ...NO_CREDIT, output: 3 });
  books.closed(entry);
}

function ids(entries: readonly BookEntry[]): number[] {
  return entries.map((entry) => entry.id);
}

describe('Books', () => {
  test('drop the oldest bodies first and then the oldest entries, while the sums stay exact', () => {
    const books = new Books({ maxEntries: 5, maxBodyBytes: 300 });
    for (let index = 0; index < 8; index += 1) answer(books, openIn(books), 90);
    expect(books.list().map((entry) => [entry.id, entry.bodiesKept])).toEqual([
      [4, false],
      [5, false],
      [6, true],
      [7, true],
      [8, true],
    ]);
    expect(books.responseBody('8')).toEqual(Buffer.alloc(90, 8));
    expect(books.responseBody('5')).toBeNull();
    expect(books.requestBody('5')).toBeNull();
    expect(books.snapshot()).toMatchObject({
      requests: 8,
      open: 0,
      bytesSent: 720,
      delivered: { input: 40, output: 24 },
      byStatus: { 200: 8 },
      books: { entries: 5, bodyBytes: 300 },
    });
  });

  test('a body larger than the bound is dropped while it is sent, and counted on', () => {
    const books = new Books({ maxEntries: 5, maxBodyBytes: 50 });
    const entry = openIn(books);
    books.wrote(entry, Buffer.alloc(60), NO_CREDIT);
    books.wrote(entry, Buffer.alloc(60), NO_CREDIT);
    expect(books.responseBody('last')).toBeNull();
    expect(entry.bytesSent).toBe(120);
    expect(books.snapshot().books.bodyBytes).toBe(0);
  });

  test('find by number, by last and by the provider’s request id', () => {
    const books = new Books({ maxEntries: 5, maxBodyBytes: 500 });
    const first = openIn(books);
    answer(books, first, 1);
    const second = openIn(books);
    expect([books.find('1'), books.find('last'), books.find('req-1'), books.find('9')]).toEqual([
      first,
      second,
      first,
      null,
    ]);
  });

  test('since pages forwards, a limit alone shows the newest', () => {
    const books = new Books({ maxEntries: 50, maxBodyBytes: 500 });
    for (let index = 0; index < 6; index += 1) openIn(books, index % 2 === 0 ? 'even' : 'odd');
    expect(ids(books.list({ since: 2, limit: 2 }))).toEqual([3, 4]);
    expect(ids(books.list({ limit: 2 }))).toEqual([5, 6]);
    expect(ids(books.list({ key: 'odd' }))).toEqual([2, 4, 6]);
  });

  test('count the most requests open at once, per key', () => {
    const books = new Books({ maxEntries: 50, maxBodyBytes: 500 });
    const [a, b] = [openIn(books, 'a'), openIn(books, 'a')];
    answer(books, a, 1);
    answer(books, b, 1);
    answer(books, openIn(books, 'a'), 1);
    expect(books.snapshot().byKey['a']).toMatchObject({ requests: 3, open: 0, maxOpen: 2 });
    expect(books.snapshot()).toMatchObject({ openStreams: 0, maxOpenStreams: 1 });
  });

  test('clearing forgets entries and sums, and keeps what is open', () => {
    const books = new Books({ maxEntries: 50, maxBodyBytes: 500 });
    const running = openIn(books);
    answer(books, openIn(books), 5);
    books.clear();
    expect(books.list()).toEqual([]);
    expect(books.snapshot()).toMatchObject({ requests: 0, open: 1, bytesSent: 0, delivered: NO_TOKENS });
    answer(books, running, 5);
    expect(books.snapshot()).toMatchObject({ open: 0, books: { entries: 0, bodyBytes: 0 } });
    expect(openIn(books).id).toBe(3);
  });
});
