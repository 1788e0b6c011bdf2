import { OmgError } from '@omg/errors';
import { QUARTER_MS } from './rollup-period.ts';

export type Step = 'hour' | 'day';

const HOUR_MS = 3_600_000;
const MAX_STEPS = 10_000;

/**
 * Where the days or the hours of a time zone begin, from the one that has `fromMs` on, up to the end of the one before
 * `toMs`: n + 1 times for n steps. A day may have 23 or 25 hours. An hour begins when the clocks there show it, and when they are put
 * forward or back; so all of them begin at a quarter of an hour, in every zone of this century.
 */
export function zonedSteps(range: { fromMs: number; toMs: number }, step: Step, zone: string): readonly number[] {
  const { fromMs, toMs } = range;
  const begin = zonedAt(fromMs, zone);
  if (toMs <= fromMs) throw new OmgError('invalid_argument', 'the range ends before it begins');
  if ((toMs - fromMs) / HOUR_MS / (step === 'hour' ? 1 : 23) > MAX_STEPS)
    throw new OmgError('invalid_argument', `a series has at most ${MAX_STEPS} points`);
  const steps = step === 'day' ? days(begin, toMs) : hours(begin, toMs);
  if (steps.some((timeMs) => timeMs % QUARTER_MS !== 0))
    throw new OmgError('invalid_argument', `the clocks of ${zone} did not go by quarters of an hour then`);
  return steps;
}

function zonedAt(timeMs: number, zone: string): Temporal.ZonedDateTime {
  try {
    return Temporal.Instant.fromEpochMilliseconds(timeMs).toZonedDateTimeISO(zone);
  } catch (error) {
    throw new OmgError('invalid_argument', `there is no time zone ${JSON.stringify(zone)}`, { cause: error });
  }
}

function days(begin: Temporal.ZonedDateTime, toMs: number): readonly number[] {
  let day = begin.startOfDay();
  const steps = [day.epochMilliseconds];
  while (day.epochMilliseconds < toMs) {
    // not of every zone does each day begin at midnight
    day = day.toPlainDate().add({ days: 1 }).toZonedDateTime(day.timeZoneId);
    steps.push(day.epochMilliseconds);
  }
  return steps;
}

function hours(begin: Temporal.ZonedDateTime, toMs: number): readonly number[] {
  const changeBefore = begin.add({ nanoseconds: 1 }).getTimeZoneTransition('previous')?.epochMilliseconds ?? -Infinity;
  let timeMs = Math.max(begin.epochMilliseconds - sinceTheHour(begin.epochMilliseconds, begin), changeBefore);
  const steps = [timeMs];
  let [zoned, changeMs] = [begin, changeAfter(begin)];
  while (timeMs < toMs) {
    timeMs = Math.min(timeMs - sinceTheHour(timeMs, zoned) + HOUR_MS, changeMs);
    if (timeMs === changeMs) {
      zoned = Temporal.Instant.fromEpochMilliseconds(timeMs).toZonedDateTimeISO(zoned.timeZoneId);
      changeMs = changeAfter(zoned);
    }
    steps.push(timeMs);
  }
  return steps;
}

function changeAfter(zoned: Temporal.ZonedDateTime): number {
  return zoned.getTimeZoneTransition('next')?.epochMilliseconds ?? Infinity;
}

/** With the offset that the zone has there. */
function sinceTheHour(timeMs: number, { offsetNanoseconds }: Temporal.ZonedDateTime): number {
  return (((timeMs + offsetNanoseconds / 1e6) % HOUR_MS) + HOUR_MS) % HOUR_MS;
}
