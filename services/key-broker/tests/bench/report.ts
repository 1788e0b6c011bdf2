import { asCount, asDecimals, asPercent, asSpread, asTimes, spreadOf, textTable, type Spread } from '@omg/bench';
import type { Figures, Measured } from './rounds.ts';

export interface ReportRow {
  readonly name: string;
  readonly keys: number;
  readonly isEcho: boolean;
  readonly slotsPerS: Spread;
  readonly cpuUsPerSlot: Spread;
  /** What a core of the broker's would do if it did nothing else. */
  readonly slotsPerCoreSecond: Spread;
  readonly brokerBusy: Spread;
  readonly loadBusy: Spread;
  readonly othersBusy: Spread;
  readonly p50Ms: Spread | undefined;
  readonly p99Ms: Spread | undefined;
  /** By repetition, as measured one after the other. */
  readonly compared:
    | { readonly baseline: string; readonly slotsPerS: Spread; readonly cpuUsPerSlot: Spread }
    | undefined;
}

export function reportOf(measured: readonly Measured[]): readonly ReportRow[] {
  const byName = new Map(measured.map(({ row, repetitions }) => [row.name, repetitions]));
  return measured.map(({ row, repetitions }) => {
    const of = (figure: (figures: Figures) => number): Spread => spreadOf(repetitions.map(figure));
    const times = (figure: (figures: Figures) => number | undefined): Spread | undefined => {
      const known = repetitions.flatMap((figures) => figure(figures) ?? []);
      return known.length === 0 ? undefined : spreadOf(known);
    };
    const base = byName.get(row.baseline ?? '');
    const ratio = (figure: (figures: Figures) => number): Spread =>
      spreadOf(
        repetitions.flatMap((figures, index) =>
          base?.[index] === undefined ? [] : figure(figures) / figure(base[index]),
        ),
      );
    return {
      name: row.name,
      keys: row.keys,
      isEcho: row.isEcho,
      slotsPerS: of(({ slotsPerS }) => slotsPerS),
      cpuUsPerSlot: of(({ cpuUsPerSlot }) => cpuUsPerSlot),
      slotsPerCoreSecond: of(({ cpuUsPerSlot }) => 1e6 / cpuUsPerSlot),
      brokerBusy: of(({ brokerBusy }) => brokerBusy),
      loadBusy: of(({ loadBusy }) => loadBusy),
      othersBusy: of(({ othersBusy }) => othersBusy),
      p50Ms: times(({ p50Ms }) => p50Ms),
      p99Ms: times(({ p99Ms }) => p99Ms),
      compared:
        row.baseline === undefined || base === undefined
          ? undefined
          : {
              baseline: row.baseline,
              slotsPerS: ratio(({ slotsPerS }) => slotsPerS),
              cpuUsPerSlot: ratio(({ cpuUsPerSlot }) => cpuUsPerSlot),
            },
    };
  });
}

/** In columns, with medians and, in brackets, the least and the most. */
export function tableOf(rows: readonly ReportRow[]): string {
  const head = [
    '',
    'slots/s',
    'broker us/slot',
    'slots/CPU s',
    'broker',
    'load',
    'others',
    'p50 ms',
    'p99 ms',
    'compared with',
    'slots/s',
    'CPU/slot',
  ];
  const lines = rows.map((row) => [
    row.name,
    asSpread(row.slotsPerS, asCount),
    asSpread(row.cpuUsPerSlot, asDecimals),
    asCount(row.slotsPerCoreSecond.median),
    asPercent(row.brokerBusy.median),
    asPercent(row.loadBusy.median),
    asPercent(row.othersBusy.median),
    row.p50Ms === undefined ? '-' : row.p50Ms.median.toFixed(2),
    row.p99Ms === undefined ? '-' : row.p99Ms.median.toFixed(2),
    row.compared?.baseline ?? '-',
    row.compared === undefined ? '-' : asSpread(row.compared.slotsPerS, asTimes),
    row.compared === undefined ? '-' : asSpread(row.compared.cpuUsPerSlot, asTimes),
  ]);
  return textTable(head, lines, new Set(['', 'compared with']));
}
