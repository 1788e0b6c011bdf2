import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseData } from './data-file.ts';
import { readSiteFile, SiteFileSchema } from './site-file.ts';

const folder = fileURLToPath(new URL('../../../deploy/config/', import.meta.url));
const shipped = readdirSync(folder).filter((name) => /^(openhands|ohmygpt)\..*\.json$/.test(name));

test.each(shipped)('%s, which is shipped, can be read', (name) => {
  const file = readSiteFile(folder + name);
  expect(name.startsWith(`${file.site}.`)).toBe(true);
  expect(file.models.length).toBeGreaterThanOrEqual(3);
});

test('all sites and environments are shipped', () => {
  expect(shipped).toHaveLength(4);
});

const price = { input: 1, output: '2.5', cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };
const model = { id: 'a', upstream: 'a', price };

test('defaults are filled in, and decimals keep their digits', () => {
  const file = parseData(
    'site',
    JSON.stringify({ site: 's', provider: 'p', port: 1, models: [model] }),
    SiteFileSchema,
  );
  expect(file.deadlines.idleMs).toBe(30_000);
  expect(file.models[0]).toMatchObject({
    aliases: [],
    multiplier: '1',
    price: { input: '1', output: '2.5', tiers: [] },
  });
});

test.each([
  [
    'a name that two models have',
    { models: [model, { ...model, id: 'b', aliases: ['a'] }] },
    /two models are called a/,
  ],
  ['a misspelt member', { modles: [] }, /modles/],
  ['a negative price', { models: [{ ...model, price: { ...price, input: -1 } }] }, /models\.0\.price\.input/],
  ['more decimals than nano-USD has', { models: [{ ...model, multiplier: '1.0000000001' }] }, /models\.0\.multiplier/],
])('%s is refused', (_, change, message) => {
  const text = JSON.stringify({ site: 's', provider: 'p', port: 1, models: [model], ...change });
  expect(() => parseData('site', text, SiteFileSchema)).toThrow(message);
});
