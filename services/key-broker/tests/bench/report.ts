import type { Figures, Measured } from './rounds.ts';

/** Of all repetitions. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

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

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
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
    spread(row.slotsPerS, count),
    spread(row.cpuUsPerSlot, decimals),
    count(row.slotsPerCoreSecond.median),
    percent(row.brokerBusy.median),
    percent(row.loadBusy.median),
    percent(row.othersBusy.median),
    row.p50Ms === undefined ? '-' : row.p50Ms.median.toFixed(2),
    row.p99Ms === undefined ? '-' : row.p99Ms.median.toFixed(2),
    row.compared?.baseline ?? '-',
    row.compared === undefined ? '-' : spread(row.compared.slotsPerS, times),
    row.compared === undefined ? '-' : spread(row.compared.cpuUsPerSlot, times),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const isText = (column: number): boolean => head[column] === '' || head[column] === 'compared with';
  return [head, ...lines]
    .map((cells) =>
      cells
        .map((cell, column) => (isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US');
const percent = (value: number): string => `${Math.round(value * 100)} %`;
const decimals = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
const times = (value: number): string => `${value.toFixed(2)}x`;

function spread({ median, min, max }: Spread, format: (value: number) => string): string {
  return `${format(median)} [${format(min)}..${format(max)}]`;
}
