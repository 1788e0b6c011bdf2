import type { Arguments } from '../args/arguments.ts';
import type { OptionSpecs } from '../command.ts';
import { UsageError } from '../failures.ts';

/** Which time. */
export const RANGE_OPTIONS = {
  last: { type: 'string', value: 'SPAN', summary: 'the time until now: 90m, 24h, 30d, 52w' },
  from: {
    type: 'string',
    value: 'TIME',
    summary: 'from then on: 2026-11-01, 2026-11-01T09:30, or with Z or an offset',
  },
  to: { type: 'string', value: 'TIME', summary: 'until then, excluded (default: now)' },
  zone: { type: 'string', value: 'ZONE', summary: 'the time zone, such as Asia/Kolkata (default: of this machine)' },
} as const satisfies OptionSpecs;

export interface TimeRange {
  readonly from: Date;
  readonly to: Date;
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** The range that is asked for, or the usual one. */
export function readRange(
  args: Arguments<keyof typeof RANGE_OPTIONS>,
  { usual, zone, nowMs }: { readonly usual: string; readonly zone: string; readonly nowMs: number },
): TimeRange {
  const { from, to } = readTimes(args, { zone, nowMs });
  const end = to ?? new Date(nowMs);
  const begin = from ?? new Date(end.getTime() - spanMs(usual));
  if (begin >= end) throw new UsageError('--from must be before --to');
  return { from: begin, to: end };
}

/** The ends that are named. */
export function readTimes(
  args: Arguments<keyof typeof RANGE_OPTIONS>,
  { zone, nowMs }: { readonly zone: string; readonly nowMs: number },
): Partial<TimeRange> {
  const [last, from, to] = [args.string('last'), args.string('from'), args.string('to')];
  if (last !== undefined && (from !== undefined || to !== undefined))
    throw new UsageError('--last and --from or --to exclude each other');
  if (last !== undefined) return { from: new Date(nowMs - spanMs(last)) };
  return {
    ...(from === undefined ? {} : { from: parseTime('from', from, zone) }),
    ...(to === undefined ? {} : { to: parseTime('to', to, zone) }),
  };
}

export function readZone(args: Arguments<'zone'>): string {
  const zone = args.string('zone') ?? Temporal.Now.timeZoneId();
  try {
    return Temporal.Now.zonedDateTimeISO(zone).timeZoneId;
  } catch {
    throw new UsageError(`--zone is an IANA name such as Europe/Berlin, not "${zone}"`);
  }
}

function spanMs(text: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,5})([mhdw])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  if (count !== undefined && unitMs !== undefined) return Number(count) * unitMs;
  throw new UsageError(`--last is a span such as 90m, 24h, 30d or 52w, not "${text}"`);
}

/** An instant, or what clocks show in the zone. */
function parseTime(option: string, text: string, zone: string): Date {
  for (const parse of [
    () => Temporal.Instant.from(text),
    () => Temporal.PlainDateTime.from(text).toZonedDateTime(zone).toInstant(),
  ]) {
    try {
      return new Date(parse().epochMilliseconds);
    } catch {
      // it may be the other one
    }
  }
  throw new UsageError(
    `--${option} is a time such as 2026-11-01, 2026-11-01T09:30 or 2026-11-01T09:30Z, not "${text}"`,
  );
}
