import { expect, test } from 'vitest';
import { VerdictTable } from './verdict-table.ts';

test.each(['auth', 'quota', 'ban'] as const)('after %s a key is not used until the broker speaks', (cause) => {
  const table = new VerdictTable();
  table.note('k', { cause }, 0);
  expect(table.blocks('k', 'm', 1e9)).toBe(true);
  expect(table.blocks('other', 'm', 0)).toBe(false);
  table.clear();
  expect(table.blocks('k', 'm', 0)).toBe(false);
});

test('a rate limit holds as long as it says, or two seconds, and the longer one counts', () => {
  const table = new VerdictTable();
  table.note('k', { cause: 'rate_limited' }, 0);
  expect([table.blocks('k', 'm', 1_999), table.blocks('k', 'm', 2_000)]).toEqual([true, false]);
  table.note('k', { cause: 'rate_limited', retryAfterMs: 10_000 }, 2_000);
  table.note('k', { cause: 'rate_limited' }, 3_000);
  expect([table.blocks('k', 'm', 11_999), table.blocks('k', 'm', 12_000)]).toEqual([true, false]);
});

test('three failures in a row set a key aside for 30 s; a success in between does not let them come together', () => {
  const table = new VerdictTable();
  const fail = (): void => {
    table.note('k', { cause: 'upstream_error' }, 0);
  };
  fail();
  fail();
  table.note('k', { cause: 'success' }, 0);
  fail();
  fail();
  expect(table.blocks('k', 'm', 0)).toBe(false);
  table.note('k', { cause: 'request_fault' }, 0);
  fail();
  expect([table.blocks('k', 'm', 29_999), table.blocks('k', 'm', 30_000)]).toEqual([true, false]);
});

test('a model that is denied blocks the key for this model alone', () => {
  const table = new VerdictTable();
  table.note('k', { cause: 'model_denied', model: 'm' }, 0);
  expect([table.blocks('k', 'm', 0), table.blocks('k', 'n', 0)]).toEqual([true, false]);
});
