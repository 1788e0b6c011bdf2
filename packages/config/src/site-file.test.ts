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

test('what the router has defaults for stays away where the file does not say it', () => {
  const text = JSON.stringify({ site: 's', provider: 'p', port: 1, models: [model], retry: { attempts: 2 } });
  expect(parseData('site', text, SiteFileSchema).retry).toEqual({ attempts: 2 });
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
  expect(file).toMatchObject({
    maxBodyBytes: 33_554_432,
    heartbeatMs: 15_000,
    deadlines: {
      connectMs: 5_000,
      headersMs: 60_000,
      headersNotStreamingMs: 280_000,
      firstTokenMs: 60_000,
      idleMs: 30_000,
      totalMs: 3_600_000,
      totalNotStreamingMs: 300_000,
    },
    addHeaders: {},
    proxies: 'allowed',
    cors: { origins: [] },
  });
  expect(file.models[0]).toMatchObject({
    aliases: [],
    price: { input: '1', output: '2.5', tiers: [] },
  });
});

test('a model may state no price, where the default price of the site is meant', () => {
  const { price: _, ...unpriced } = model;
  const text = JSON.stringify({ site: 's', provider: 'p', port: 1, models: [unpriced], defaultPrice: price });
  const file = parseData('site', text, SiteFileSchema);
  expect(file.models[0]).not.toHaveProperty('price');
  expect(file.defaultPrice).toMatchObject({ output: '2.5', perRequest: '0', multiplier: '1' });
});

test.each([
  [
    'a multiplier of a price that is not there',
    { models: [{ id: 'a', upstream: 'a', multiplier: '2' }] },
    /models\.0\.multiplier: needs a price of its own/,
  ],
  ['a default price that is none', { defaultPrice: { input: 1 } }, /defaultPrice\.output/],
  ['a drain without an end', { onClientGone: { policy: 'drain', maxMs: 0 } }, /onClientGone\.maxMs/],
  [
    'a name that two models have',
    { models: [model, { ...model, id: 'b', aliases: ['a'] }] },
    /two models are called a/,
  ],
  ['a misspelt member', { modles: [] }, /modles/],
  ['a negative price', { models: [{ ...model, price: { ...price, input: -1 } }] }, /models\.0\.price\.input/],
  ['a timer that no timer can be', { deadlines: { idleMs: 2 ** 31 } }, /deadlines\.idleMs/],
  ['a credential to add', { addHeaders: { authorization: 'Bearer x' } }, /a header that the gateway sets itself/],
  ['a proxy credential to add', { addHeaders: { 'proxy-authorization': 'x' } }, /the gateway sets itself/],
  ['a header with a capital, which would escape the list', { addHeaders: { 'X-Api-Key': 'x' } }, /small letters/],
  ['a header that holds another one', { addHeaders: { 'x-a': 'b\r\nx-api-key: c' } }, /printable ASCII/],
  ['a user agent of two lines', { userAgent: 'a\nb' }, /userAgent: must be printable/],
  ['an origin with a path', { cors: { origins: ['https://a.example/'] } }, /cors\.origins\.0: must be \* or an origin/],
  ['more decimals than nano-USD has', { models: [{ ...model, multiplier: '1.0000000001' }] }, /models\.0\.multiplier/],
])('%s is refused', (_, change, message) => {
  const text = JSON.stringify({ site: 's', provider: 'p', port: 1, models: [model], ...change });
  expect(() => parseData('site', text, SiteFileSchema)).toThrow(message);
});
