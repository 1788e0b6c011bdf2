import type { BudgetPeriod, BudgetWindow } from './budget-window.ts';

/** What was spent, by the window of a calendar or the day of a rolling budget that it counts in. */
export type SpentBy = Readonly<Record<string, bigint>>;

/** What was spent of a budget in one of its windows; of a rolling one its days together. */
export function windowSpending(period: BudgetPeriod, { id }: Pick<BudgetWindow, 'id'>, spentBy: SpentBy): bigint {
  if (period.kind !== 'rolling') return spentBy[id] ?? 0n;
  const daysAt = id.lastIndexOf('/') + 1;
  const today = Temporal.PlainDate.from(id.slice(daysAt));
  let sum = 0n;
  for (let days = 0; days < period.days; days += 1)
    sum += spentBy[`${id.slice(0, daysAt)}${today.subtract({ days }).toString()}`] ?? 0n;
  return sum;
}
