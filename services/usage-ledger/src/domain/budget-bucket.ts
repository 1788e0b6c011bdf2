import { budgetWindow, type BudgetPeriod } from './budget-window.ts';

const DAY_MS = 86_400_000;

/** What was spent of an account's budgets, by bucket; those of calendar windows are windows, those of rolling ones days. */
export type SpentBy = Readonly<Record<string, bigint>>;

export const NOTHING_SPENT: SpentBy = {};

/**
 * What a budget is spent of: its window of the calendar; a rolling budget is one for all its days, and moves on at
 * midnight.
 */
export function budgetBucket(period: BudgetPeriod, at: Date): string {
  return period.kind === 'rolling' ? rollingBucket(period) : budgetWindow(period, at).id;
}

/** Where a cost is added up that was reserved of a budget's bucket. */
export function spendingBucket(bucket: string, acceptedAt: Date): string {
  const rolling = parseRolling(bucket);
  return rolling === undefined ? bucket : budgetWindow(rolling, acceptedAt).id;
}

/** Whether the bucket is one that budgets of the period have, now or at another time. */
export function isBucketOf(period: BudgetPeriod, bucket: string): boolean {
  if (period.kind === 'rolling') return bucket === rollingBucket(period);
  const prefix = `${period.kind}/${period.timeZone}/`;
  return bucket.startsWith(prefix) && !bucket.slice(prefix.length).includes('/');
}

/** What counts against a budget's bucket; of a rolling one at a time. */
export function spentIn(
  spentBy: SpentBy,
  { period, bucket, at }: { readonly period: BudgetPeriod; readonly bucket: string; readonly at: Date },
): bigint {
  if (period.kind !== 'rolling') return spentBy[bucket] ?? 0n;
  const prefix = `${bucket}/`;
  const last = dayOf(budgetWindow(period, at).id, prefix);
  let sum = 0n;
  for (const [day, nanoUsd] of Object.entries(spentBy)) {
    if (!day.startsWith(prefix)) continue;
    // a day that has not begun here may have begun for the process that accepted the request
    if (dayOf(day, prefix).until(last, { largestUnit: 'day' }).days < period.days) sum += nanoUsd;
  }
  return sum;
}

/** As long as an event may still be charged, and two months for whoever asks what was spent of the last one. */
const KEPT_DAYS = 70;

/** Buckets that no budget counts any more, and to which nothing is added any more. */
export function oldBuckets(spentBy: SpentBy, now: Date): readonly string[] {
  return Object.keys(spentBy).filter((bucket) => {
    const [, day] = /\/(\d{4}-\d{2}-\d{2})$/.exec(bucket) ?? [];
    if (day === undefined) return false;
    const countsDays = Number(/^rolling-(\d+)\//.exec(bucket)?.[1] ?? 0);
    return now.getTime() - Date.parse(day) > (countsDays + KEPT_DAYS) * DAY_MS;
  });
}

/** When a rolling bucket forgets its oldest day; undefined for others, which forget nothing. */
export function rollingEndsAt(bucket: string, at: Date): Date | undefined {
  const period = parseRolling(bucket);
  return period === undefined ? undefined : budgetWindow(period, at).endsAt;
}

function rollingBucket({ days, timeZone }: Extract<BudgetPeriod, { kind: 'rolling' }>): string {
  return `rolling-${days}/${timeZone}`;
}

function parseRolling(bucket: string): Extract<BudgetPeriod, { kind: 'rolling' }> | undefined {
  const [, days, timeZone] = /^rolling-(\d+)\/(.+)$/.exec(bucket) ?? [];
  return days === undefined || timeZone === undefined ? undefined : { kind: 'rolling', days: Number(days), timeZone };
}

function dayOf(bucket: string, prefix: string): Temporal.PlainDate {
  return Temporal.PlainDate.from(bucket.slice(prefix.length));
}
