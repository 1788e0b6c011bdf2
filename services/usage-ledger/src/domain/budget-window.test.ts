import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { budgetWindow, isTimeZone, type BudgetPeriod } from './budget-window.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const window = (period: BudgetPeriod, at: string): readonly string[] => {
  const { id, startsAt, endsAt } = budgetWindow(period, new Date(at));
  return [id, startsAt.toISOString(), endsAt.toISOString()];
};
const calendar = (kind: 'day' | 'week' | 'month', timeZone = 'UTC'): BudgetPeriod => ({ kind, timeZone });
const rolling = (days: number, timeZone = 'UTC'): BudgetPeriod => ({ kind: 'rolling', days, timeZone });

describe('the window of', () => {
  test.each([
    ['a day', calendar('day'), '2026-11-21T13:00:00Z', 'day/UTC/2026-11-21', '2026-11-21', '2026-11-22'],
    [
      'a week, on its Monday',
      calendar('week'),
      '2026-11-16T00:00:00Z',
      'week/UTC/2026-11-16',
      '2026-11-16',
      '2026-11-23',
    ],
    [
      'a week, on its Sunday',
      calendar('week'),
      '2026-11-22T23:59:59.999Z',
      'week/UTC/2026-11-16',
      '2026-11-16',
      '2026-11-23',
    ],
    [
      'a week over the new year',
      calendar('week'),
      '2027-01-02T00:00:00Z',
      'week/UTC/2026-12-28',
      '2026-12-28',
      '2027-01-04',
    ],
    ['a month', calendar('month'), '2026-11-21T13:00:00Z', 'month/UTC/2026-11-01', '2026-11-01', '2026-12-01'],
    ['December', calendar('month'), '2026-12-31T23:59:59.999Z', 'month/UTC/2026-12-01', '2026-12-01', '2027-01-01'],
    [
      'a February with 29 days',
      calendar('month'),
      '2028-02-29T12:00:00Z',
      'month/UTC/2028-02-01',
      '2028-02-01',
      '2028-03-01',
    ],
    ['7 days', rolling(7), '2026-11-21T13:00:00Z', 'rolling-7/UTC/2026-11-21', '2026-11-15', '2026-11-22'],
    ['1 day', rolling(1), '2026-11-21T13:00:00Z', 'rolling-1/UTC/2026-11-21', '2026-11-21', '2026-11-22'],
    [
      '30 days over a month',
      rolling(30),
      '2026-03-01T00:00:00Z',
      'rolling-30/UTC/2026-03-01',
      '2026-01-31',
      '2026-03-02',
    ],
  ])('%s', (_, period, at, id, starts, ends) => {
    expect(window(period, at)).toEqual([id, `${starts}T00:00:00.000Z`, `${ends}T00:00:00.000Z`]);
  });

  test('is that of its zone, not of the clock that asks', () => {
    // 00:30 of December 1st in Tokyo, November 30th in Berlin and Los Angeles
    const at = '2026-11-30T15:30:00Z';
    expect(window(calendar('month', 'Asia/Tokyo'), at)).toEqual([
      'month/Asia/Tokyo/2026-12-01',
      '2026-11-30T15:00:00.000Z',
      '2026-12-31T15:00:00.000Z',
    ]);
    expect(window(calendar('month', 'Europe/Berlin'), at)[0]).toBe('month/Europe/Berlin/2026-11-01');
    expect(window(calendar('month', 'America/Los_Angeles'), at)[0]).toBe('month/America/Los_Angeles/2026-11-01');
  });
});

describe('where clocks are turned', () => {
  test.each([
    ['forward at 02:00', 'Europe/Berlin', '2026-03-29T10:00:00Z', '2026-03-28T23:00:00.000Z', 23],
    ['back at 03:00', 'Europe/Berlin', '2026-10-25T10:00:00Z', '2026-10-24T22:00:00.000Z', 25],
    ['forward at 02:00, west of Greenwich', 'America/New_York', '2026-03-08T17:00:00Z', '2026-03-08T05:00:00.000Z', 23],
    ['back at 02:00, west of Greenwich', 'America/New_York', '2026-11-01T17:00:00Z', '2026-11-01T04:00:00.000Z', 25],
    ['half an hour forward', 'Australia/Lord_Howe', '2026-10-04T03:00:00Z', '2026-10-03T13:30:00.000Z', 23.5],
    ['half an hour back', 'Australia/Lord_Howe', '2026-04-05T03:00:00Z', '2026-04-04T13:00:00.000Z', 24.5],
    // the day begins at 01:00
    ['forward at midnight', 'Africa/Cairo', '2026-04-24T10:00:00Z', '2026-04-23T22:00:00.000Z', 23],
    ['back at midnight, into the day before', 'Africa/Cairo', '2026-10-29T10:00:00Z', '2026-10-28T21:00:00.000Z', 25],
    [
      'forward at midnight, where it was São Paulo',
      'America/Sao_Paulo',
      '2018-11-04T12:00:00Z',
      '2018-11-04T03:00:00.000Z',
      23,
    ],
    ['back from 01:00 to midnight', 'America/Havana', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00.000Z', 25],
  ])('%s the day is as long as it is', (_, timeZone, at, startsAt, hours) => {
    const found = budgetWindow(calendar('day', timeZone), new Date(at));
    expect(found.startsAt.toISOString()).toBe(startsAt);
    expect((found.endsAt.getTime() - found.startsAt.getTime()) / HOUR_MS).toBe(hours);
  });

  test('weeks, months and runs of days keep to midnights', () => {
    const at = '2026-03-31T12:00:00Z';
    expect(window(calendar('month', 'Europe/Berlin'), at).slice(1)).toEqual([
      '2026-02-28T23:00:00.000Z',
      '2026-03-31T22:00:00.000Z',
    ]);
    expect(window(calendar('week', 'Europe/Berlin'), '2026-03-29T12:00:00Z').slice(1)).toEqual([
      '2026-03-22T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ]);
    expect(window(rolling(7, 'Europe/Berlin'), at).slice(1)).toEqual([
      '2026-03-24T23:00:00.000Z',
      '2026-03-31T22:00:00.000Z',
    ]);
  });

  test('an hour that comes again after midnight belongs to the day that has begun', () => {
    // St. John's turned back at 00:01, to 23:01 of the day before
    const period = calendar('day', 'America/St_Johns');
    const [first, again] = ['2010-11-07T02:30:30Z', '2010-11-07T02:45:00Z'].map((at) =>
      budgetWindow(period, new Date(at)),
    );
    expect(first?.id).toBe('day/America/St_Johns/2010-11-07');
    expect(again).toEqual(first);
  });

  test('a day that an island never had is no gap', () => {
    // Apia went from December 29th to 31st
    const before = budgetWindow(calendar('day', 'Pacific/Apia'), new Date('2011-12-30T09:59:59Z'));
    const after = budgetWindow(calendar('day', 'Pacific/Apia'), new Date('2011-12-30T10:00:00Z'));
    expect(before.id).toBe('day/Pacific/Apia/2011-12-29');
    expect(after.id).toBe('day/Pacific/Apia/2011-12-31');
    expect(before.endsAt).toEqual(after.startsAt);
  });
});

const zone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'), 'UTC');
const anyTime = fc.date({ min: new Date('1975-01-01'), max: new Date('2037-01-01'), noInvalidDate: true });
const anyCalendar = fc
  .tuple(fc.constantFrom('day', 'week', 'month'), zone)
  .map(([kind, timeZone]) => calendar(kind, timeZone));
const anyRolling = fc.tuple(fc.integer({ min: 1, max: 366 }), zone).map(([days, timeZone]) => rolling(days, timeZone));

describe('in every zone, at every time', () => {
  test('the time lies in its window', () => {
    fc.assert(
      fc.property(fc.oneof(anyCalendar, anyRolling), anyTime, (period, at) => {
        const { startsAt, endsAt } = budgetWindow(period, at);
        expect(startsAt.getTime()).toBeLessThanOrEqual(at.getTime());
        expect(at.getTime()).toBeLessThan(endsAt.getTime());
      }),
      { numRuns: 2_000 },
    );
  });

  test('the windows of a calendar follow each other without gap or overlap, each with an id of its own', () => {
    fc.assert(
      fc.property(anyCalendar, anyTime, (period, at) => {
        const here = budgetWindow(period, at);
        const next = budgetWindow(period, here.endsAt);
        expect(next.startsAt).toEqual(here.endsAt);
        expect(next.id).not.toBe(here.id);
        for (const inside of [here.startsAt, new Date(here.endsAt.getTime() - 1)]) {
          expect(budgetWindow(period, inside)).toEqual(here);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('a rolling window moves on by a day, and spans its days', () => {
    fc.assert(
      fc.property(anyRolling, anyTime, (period, at) => {
        const here = budgetWindow(period, at);
        const next = budgetWindow(period, here.endsAt);
        expect(next.id).not.toBe(here.id);
        expect(next.startsAt.getTime()).toBeGreaterThanOrEqual(here.startsAt.getTime());
        const days = (here.endsAt.getTime() - here.startsAt.getTime()) / DAY_MS;
        // turned clocks, and days that were left out or came twice, are at most some hours more or less
        expect(Math.abs(days - (period.kind === 'rolling' ? period.days : 0))).toBeLessThanOrEqual(1.05);
      }),
      { numRuns: 1_000 },
    );
  });
});

test.each([
  ['UTC', true],
  ['Europe/Berlin', true],
  ['Mars/Olympus', false],
  ['', false],
  ['+02:00', false],
])('%j is a zone: %s', (text, expected) => {
  expect(isTimeZone(text)).toBe(expected);
});
