import { expect, test } from 'vitest';
import { mayUse, UNRESTRICTED } from './key-terms.ts';

test('whoever is not restricted may do everything', () => {
  expect(mayUse(UNRESTRICTED, { scope: 'inference', model: ['m'], site: 's' })).toBe(true);
});

test('each restriction counts by itself', () => {
  const terms = { scopes: ['models'], allowedModels: ['haiku'], sites: ['a'] };
  expect(mayUse(terms, { scope: 'models', site: 'a' })).toBe(true);
  expect(mayUse(terms, { scope: 'inference' })).toBe(false);
  expect(mayUse(terms, { site: 'b' })).toBe(false);
  expect(mayUse(terms, { model: ['haiku-4-5', 'haiku'] })).toBe(true);
  expect(mayUse(terms, { model: ['opus'] })).toBe(false);
});
