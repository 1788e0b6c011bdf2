import { decimalUsd } from '@omg/pricing';

export { decimalUsd };

/** What people read of a value that is not there. */
export const NOTHING = '-';

/** `$1,234.50`, exact. */
export function formatUsd(nanoUsd: bigint, minDecimals = 2): string {
  const [, sign = '', whole = '', rest = ''] = /^(-?)(\d+)(.*)$/.exec(decimalUsd(nanoUsd, minDecimals)) ?? [];
  return `${sign}$${formatCount(BigInt(whole))}${rest}`;
}

/** `62,745` */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString('en-US');
}

/** `1,234 ms`: one unit, so that a column can be compared. */
export function formatMs(ms: number): string {
  return `${formatCount(ms)} ms`;
}

/** `2026-11-21 07:06:24` in the zone of whoever reads. */
export function formatTime(time: Date | undefined): string {
  return time === undefined
    ? NOTHING
    : local(time).toPlainDateTime().toString({ smallestUnit: 'second' }).replace('T', ' ');
}

/** `2026-11-21 07:06:24.558 +01:00` */
export function formatExactTime(time: Date | undefined): string {
  if (time === undefined) return NOTHING;
  const zoned = local(time);
  return `${zoned.toPlainDateTime().toString({ smallestUnit: 'millisecond' }).replace('T', ' ')} ${zoned.offset}`;
}

/** `in 12 s`, `3 h ago`: the nearest unit that is easily read. */
export function formatRelative(time: Date | undefined, nowMs: number): string {
  if (time === undefined) return NOTHING;
  const seconds = Math.round((time.getTime() - nowMs) / 1_000);
  if (seconds === 0) return 'now';
  const span = formatSpan(Math.abs(seconds));
  return seconds > 0 ? `in ${span}` : `${span} ago`;
}

/** `3 keys`, `1 key` */
export function formatNumberOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

function formatSpan(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.round(seconds / 3_600)} h`;
  return `${formatCount(Math.round(seconds / 86_400))} d`;
}

function local(time: Date): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(time.getTime()).toZonedDateTimeISO(Temporal.Now.timeZoneId());
}
