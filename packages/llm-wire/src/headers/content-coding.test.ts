import { expect, test } from 'vitest';
import { acceptsCoding, contentCoding } from './content-coding.ts';

test.each([
  [undefined, undefined],
  ['', undefined],
  ['identity', undefined],
  ['gzip', 'gzip'],
  ['X-Gzip', 'gzip'],
  [' br ', 'br'],
  ['identity, zstd', 'zstd'],
  ['deflate', 'deflate'],
  ['compress', 'unknown'],
  ['gzip, br', 'unknown'],
] as const)('a body that is said to be %j is %j', (stated, coding) => {
  expect(contentCoding({ 'content-encoding': stated })).toBe(coding);
});

test.each([
  [undefined, false],
  ['', false],
  ['identity', false],
  ['gzip', true],
  ['x-gzip', true],
  ['gzip, deflate, br, zstd', true],
  ['br;q=1.0, GZIP;q=0.5', true],
  ['gzip;q=0', false],
  ['gzip;q=0.000, *', false],
  ['*', true],
  ['br, *;q=0', false],
] as const)('whether gzip is taken by who accepts %j: %s', (accepted, taken) => {
  expect(acceptsCoding({ 'accept-encoding': accepted }, 'gzip')).toBe(taken);
});
