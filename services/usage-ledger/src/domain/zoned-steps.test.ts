import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { QUARTER_MS } from './rollup-period.ts';
import { zonedSteps, type Step } from './zoned-steps.ts';

const at = (text: string): number => Temporal.ZonedDateTime.from(text).epochMilliseconds;
const shown = (timeMs: number, zone: string): string =>
  Temporal.Instant.fromEpochMilliseconds(timeMs).toZonedDateTimeISO(zone).toString({ timeZoneName: 'never' });

function hoursOf(day: string, zone: string): number {
  const fromMs = at(`${day}T00:00[${zone}]`);
  const [begin = NaN, end = NaN, ...more] = zonedSteps({ fromMs, toMs: fromMs + 1 }, 'day', zone);
  expect(more).toEqual([]);
  const steps = zonedSteps({ fromMs: begin, toMs: end }, 'hour', zone);
  expect([steps[0], steps.at(-1)]).toEqual([begin, end]);
  return steps.length - 1;
}

describe('a day has as many hours as the clocks of the zone show', () => {
  test.each([
    ['2026-11-20', 'UTC', 24],
    ['2026-03-29', 'Europe/Berlin', 23],
    ['2026-10-25', 'Europe/Berlin', 25],
    ['2026-03-08', 'America/New_York', 23],
    ['2026-11-01', 'America/New_York', 25],
    ['2026-11-20', 'Asia/Kolkata', 24],
    ['2026-11-20', 'Asia/Kathmandu', 24],
    // half an hour forward: one hour has only half of itself; back: one half is shown twice
    ['2026-10-04', 'Australia/Lord_Howe', 24],
    ['2026-04-05', 'Australia/Lord_Howe', 25],
  ])('%s in %s', (day, zone, count) => {
    expect(hoursOf(day, zone)).toBe(count);
  });
});

test('hours of zones that are half an hour or a quarter off begin when the clocks there show a full hour', () => {
  for (const zone of ['Asia/Kolkata', 'Asia/Kathmandu', 'Pacific/Chatham', 'America/St_Johns']) {
    const fromMs = Date.UTC(2026, 6, 1, 3);
    for (const timeMs of zonedSteps({ fromMs, toMs: fromMs + 10 * 3_600_000 }, 'hour', zone))
      expect(shown(timeMs, zone)).toContain(':00:00');
  }
});

test('the day without a midnight begins when it begins', () => {
  const fromMs = at('2026-09-06T12:00[America/Santiago]');
  const [begin = NaN] = zonedSteps({ fromMs, toMs: fromMs + 1 }, 'day', 'America/Santiago');
  expect(shown(begin, 'America/Santiago')).toBe('2026-09-06T01:00:00-03:00');
});

test('in every zone the steps rise, reach over the range, and begin at quarters of an hour', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Intl.supportedValuesOf('timeZone')),
      fc.constantFrom<Step>('hour', 'day'),
      fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2030, 0) }),
      fc.integer({ min: 1, max: 300 * 3_600_000 }),
      (zone, step, fromMs, lengthMs) => {
        const steps = zonedSteps({ fromMs, toMs: fromMs + lengthMs }, step, zone);
        const [first = NaN, second = NaN] = steps;
        expect(first).toBeLessThanOrEqual(fromMs);
        expect(second).toBeGreaterThan(fromMs);
        expect(steps.at(-1)).toBeGreaterThanOrEqual(fromMs + lengthMs);
        expect(steps.at(-2)).toBeLessThan(fromMs + lengthMs);
        for (const [index, timeMs] of steps.entries()) {
          expect(timeMs % QUARTER_MS).toBe(0);
          if (index > 0) expect(timeMs).toBeGreaterThan(steps[index - 1] ?? NaN);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test.each([
  ['Mars/Olympus', 0, 1, 'there is no time zone'],
  ['UTC', 1, 1, 'ends before it begins'],
  ['UTC', 0, 1e13, 'at most 10000 points'],
])('%s from %d to %d is refused', (zone, fromMs, toMs, sentence) => {
  expect(() => zonedSteps({ fromMs, toMs }, 'day', zone)).toThrow(sentence);
});
