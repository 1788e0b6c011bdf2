/** A calendar's day, week (from Monday) or month, or the last so many days, today among them; days are those of the zone. */
export type BudgetPeriod =
  | { readonly kind: 'day' | 'week' | 'month'; readonly timeZone: string }
  | { readonly kind: 'rolling'; readonly days: number; readonly timeZone: string };

/** A stretch of time in which a budget may be spent once: from `startsAt` on, until just before `endsAt`. */
export interface BudgetWindow {
  /** Another one for each window; the same for budgets of the same period, whatever their amount. */
  readonly id: string;
  readonly startsAt: Date;
  /** From then on another window counts. */
  readonly endsAt: Date;
}

/**
 * The window of a period that counts at a time. The windows of a calendar follow each other without gap or overlap;
 * a rolling one begins `days` - 1 days before the day that it counts on, and moves on at midnight.
 */
export function budgetWindow(period: BudgetPeriod, at: Date): BudgetWindow {
  const instant = Temporal.Instant.fromEpochMilliseconds(at.getTime());
  const today = instant.toZonedDateTimeISO(period.timeZone).toPlainDate();
  const window = windowOf(period, today);
  // where clocks were turned back over midnight a day's last hour comes again after the next one has begun
  return window.endsAt > at ? window : windowOf(period, today.add({ days: 1 }));
}

/** Whether there is such a zone. */
export function isTimeZone(text: string): boolean {
  try {
    // an offset would be taken as well, and knows no summer
    return !/^[+-]/.test(text) && Temporal.Now.zonedDateTimeISO(text).timeZoneId !== '';
  } catch {
    return false;
  }
}

function windowOf(period: BudgetPeriod, day: Temporal.PlainDate): BudgetWindow {
  const { kind, timeZone } = period;
  const [first, next] = boundsOf(period, day);
  // a rolling window is called after its last day, the others after their first
  const [name, label] = kind === 'rolling' ? [`rolling-${period.days}`, day] : [kind, first];
  return {
    id: `${name}/${timeZone}/${label.toString()}`,
    startsAt: midnight(first, timeZone),
    endsAt: midnight(next, timeZone),
  };
}

function boundsOf(period: BudgetPeriod, day: Temporal.PlainDate): readonly [Temporal.PlainDate, Temporal.PlainDate] {
  switch (period.kind) {
    case 'day':
      return [day, day.add({ days: 1 })];
    case 'week': {
      const monday = day.subtract({ days: day.dayOfWeek - 1 });
      return [monday, monday.add({ days: 7 })];
    }
    case 'month': {
      const first = day.with({ day: 1 });
      return [first, first.add({ months: 1 })];
    }
    case 'rolling':
      return [day.subtract({ days: period.days - 1 }), day.add({ days: 1 })];
  }
}

/** A day's first moment, which is not midnight where clocks are turned forward then. */
function midnight(day: Temporal.PlainDate, timeZone: string): Date {
  return new Date(day.toZonedDateTime(timeZone).epochMilliseconds);
}
