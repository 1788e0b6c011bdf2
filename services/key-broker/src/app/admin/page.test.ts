import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pageByName } from './page.ts';

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 40 });
const page = (items: readonly string[], pageSize: number, pageToken: string) =>
  pageByName(items, (item) => item, { pageSize, pageToken });

test('pages together are everything once, in order, and the last one says so', () => {
  fc.assert(
    fc.property(names, fc.integer({ min: 1, max: 7 }), (items, size) => {
      const seen: string[] = [];
      let token = '';
      do {
        const { items: some, nextPageToken } = page(items, size, token);
        expect(some.length).toBeLessThanOrEqual(size);
        expect(nextPageToken === '' || some.length === size).toBe(true);
        seen.push(...some);
        token = nextPageToken;
      } while (token !== '');
      expect(seen).toEqual(items.toSorted());
    }),
  );
});

test('what goes away between two pages hides nothing else', () => {
  const { nextPageToken } = page(['a', 'b', 'c', 'd'], 2, '');
  expect(page(['c', 'd'], 2, nextPageToken).items).toEqual(['c', 'd']);
});

test('0 means 100, and more than 1,000 are never given', () => {
  const items = Array.from({ length: 1_500 }, (_, at) => String(at));
  expect(page(items, 0, '').items).toHaveLength(100);
  expect(page(items, 1_400, '').items).toHaveLength(1_000);
});

test.each(['nonsense', '!', 'YQ', 'YWZ0ZXIg*'])('a token that was never given, %j, is refused', (token) => {
  expect(() => page(['a'], 1, token)).toThrow('page_token');
});
