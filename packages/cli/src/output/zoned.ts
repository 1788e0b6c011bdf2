import { NOTHING } from './format.ts';

/** `2026-11-01 00:00 to 2026-11-02 00:00, Europe/Berlin` */
export function formatSpanIn(zone: string, from: Date | undefined, to: Date | undefined): string {
  return `${formatTimeIn(zone, from)} to ${formatTimeIn(zone, to)}, ${zone}`;
}

/** `2026-11-01 00:00` */
function formatTimeIn(zone: string, time: Date | undefined): string {
  return time === undefined
    ? NOTHING
    : zoned(zone, time).toPlainDateTime().toString({ smallestUnit: 'minute' }).replace('T', ' ');
}

/** `2026-11-01` */
export function formatDayIn(zone: string, time: Date | undefined): string {
  return time === undefined ? NOTHING : zoned(zone, time).toPlainDate().toString();
}

/** `2026-10-25 02:00 +02:00`: an hour that is shown twice can be told from the other one. */
export function formatHourIn(zone: string, time: Date | undefined): string {
  return time === undefined ? NOTHING : `${formatTimeIn(zone, time)} ${zoned(zone, time).offset}`;
}

function zoned(zone: string, time: Date): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(time.getTime()).toZonedDateTimeISO(zone);
}
