import { expect, test } from 'vitest';
import { Arguments } from '../args/arguments.ts';
import { UsageError } from '../failures.ts';
import { readRange, readZone } from './range-options.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const rangeOf = (values: Record<string, string>) =>
  readRange(new Arguments(values, []), { usual: '30d', zone: 'Europe/Berlin', nowMs: NOW });

test.each([
  [{}, '2026-10-22T12:00:00.000Z', '2026-11-21T12:00:00.000Z'],
  [{ last: '90m' }, '2026-11-21T10:30:00.000Z', '2026-11-21T12:00:00.000Z'],
  // a day there begins an hour earlier, in summer two
  [{ from: '2026-11-01' }, '2026-10-31T23:00:00.000Z', '2026-11-21T12:00:00.000Z'],
  [{ from: '2026-07-01', to: '2026-07-02T09:30' }, '2026-06-30T22:00:00.000Z', '2026-07-02T07:30:00.000Z'],
  [{ from: '2026-07-01T00:00Z', to: '2026-07-01T00:00-05:00' }, '2026-07-01T00:00:00.000Z', '2026-07-01T05:00:00.000Z'],
  [{ to: '2026-11-01T00:00Z' }, '2026-10-02T00:00:00.000Z', '2026-11-01T00:00:00.000Z'],
])('%j is from %s to %s', (values, from, to) => {
  expect(rangeOf(values)).toEqual({ from: new Date(from), to: new Date(to) });
});

test.each([
  [{ last: '3 days' }, '--last is a span'],
  [{ last: '0d' }, '--last is a span'],
  [{ last: '1d', from: '2026-01-01' }, 'exclude each other'],
  [{ from: 'yesterday' }, '--from is a time such as'],
  [{ from: '2026-11-02', to: '2026-11-01' }, '--from must be before --to'],
])('%j is refused', (values, sentence) => {
  expect(() => rangeOf(values)).toThrow(sentence);
  expect(() => rangeOf(values)).toThrow(UsageError);
});

test('a zone that does not exist is refused', () => {
  expect(() => readZone(new Arguments({ zone: 'Mars/Olympus' }, []))).toThrow(UsageError);
});
