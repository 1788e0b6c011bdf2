import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RefusalCounts, type Refusal, type RefusalRow } from './refusal-counts.ts';

const AT = new Date('2026-11-30T10:20:30.400Z');
const MINUTE = new Date('2026-11-30T10:20:00Z');
const BAD_KEY: Refusal = { account: undefined, dialect: 'openai', kind: 'invalid_key', status: 401 };
const demo = { tenantId: 'demo', clientKeyId: 'demo-key' };

function later(ms: number): Date {
  return new Date(AT.getTime() + ms);
}

const sumOf = (rows: readonly RefusalRow[]): number => rows.reduce((sum, { count }) => sum + count, 0);

describe('refused requests', () => {
  test('of one cause and minute are one row, however many', () => {
    const counts = new RefusalCounts({ maxRows: 10 });
    for (let ms = 0; ms < 29_000; ms += 100) counts.add(BAD_KEY, later(ms));
    expect(counts.size).toBe(1);
    expect(counts.take(10)).toEqual([{ ...BAD_KEY, minute: MINUTE, count: 290, merged: false }]);
    expect(counts.take(10)).toEqual([]);
  });

  test('are told apart by minute, account, key, dialect, cause and status', () => {
    const counts = new RefusalCounts({ maxRows: 100 });
    const denied: Refusal = { account: demo, dialect: 'openai', kind: 'forbidden', status: 403 };
    const different: readonly (readonly [Refusal, Date])[] = [
      [BAD_KEY, AT],
      [BAD_KEY, later(60_000)],
      [{ ...BAD_KEY, dialect: 'anthropic' }, AT],
      [{ ...BAD_KEY, kind: 'bad_request' }, AT],
      [{ ...BAD_KEY, status: 400 }, AT],
      [denied, AT],
      [{ ...denied, account: { ...demo, clientKeyId: 'other-key' } }, AT],
      [{ ...denied, account: { ...demo, tenantId: 'other' } }, AT],
    ];
    for (const [refusal, at] of [...different, ...different]) counts.add(refusal, at);
    const rows = counts.take(100);
    expect(rows).toHaveLength(different.length);
    expect(rows.every(({ count }) => count === 2)).toBe(true);
  });

  test('beyond the bound are merged over accounts and minutes, by cause, and rows that are there go on', () => {
    const counts = new RefusalCounts({ maxRows: 2 });
    const of = (clientKeyId: string): Refusal => ({ ...BAD_KEY, account: { ...demo, clientKeyId } });
    for (const key of ['a', 'b', 'c', 'd', 'a']) counts.add(of(key), AT);
    counts.add(of('c'), later(3 * 60_000));
    counts.add({ ...of('c'), kind: 'forbidden', status: 403 }, AT);
    expect(counts.take(100)).toEqual([
      { ...of('a'), minute: MINUTE, count: 2, merged: false },
      { ...of('b'), minute: MINUTE, count: 1, merged: false },
      { ...BAD_KEY, minute: MINUTE, count: 3, merged: true },
      { ...BAD_KEY, kind: 'forbidden', status: 403, minute: MINUTE, count: 1, merged: true },
    ]);
  });

  test('are all in the rows that are taken, in bounded memory, whoever asks and whenever rows are taken', () => {
    const refusal = fc.record({
      account: fc.option(fc.record({ tenantId: fc.string(), clientKeyId: fc.string() }), { nil: undefined }),
      dialect: fc.constantFrom('openai', 'anthropic'),
      kind: fc.constantFrom('invalid_key', 'forbidden', 'rate_limited'),
      status: fc.constantFrom(401, 403, 429),
    });
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ refusal, ms: fc.nat({ max: 600_000 }) }) },
      fc.record({ take: fc.integer({ min: 1, max: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const counts = new RefusalCounts({ maxRows: 8 });
        let taken = 0;
        for (const each of steps) {
          if ('take' in each) taken += sumOf(counts.take(each.take));
          else counts.add(each.refusal, later(each.ms));
          // 2 dialects, 3 kinds, 3 statuses
          expect(counts.size).toBeLessThanOrEqual(8 + 18);
        }
        expect(taken + sumOf(counts.take(100))).toBe(steps.filter((each) => 'refusal' in each).length);
      }),
    );
  });
});
