import { asCount, asDecimals, asSpread, asTimes, spreadOf, textTable, type Spread } from '@omg/bench';
import type { Figures, MemoryFigures } from './measure.ts';
import type { Row } from './rows.ts';

export interface Measured {
  readonly row: Row;
  readonly rounds: readonly Figures[];
}

export interface ReportRow {
  readonly name: string;
  readonly thing: string;
  readonly variant: Row['variant'];
  readonly perS: Spread;
  readonly cpuUs: Spread | undefined;
  readonly perCoreS: Spread | undefined;
  readonly busy: Spread | undefined;
  /** Answers per second of a whole core, by round, as a multiple of what nginx came to in it. */
  readonly ofNginx: Spread | undefined;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  /** Beyond direct, by round. */
  readonly addedP50Ms: Spread | undefined;
  readonly addedP99Ms: Spread | undefined;
  readonly memoryMb: Spread | undefined;
  /** What was wrong with the books. */
  readonly faults: readonly string[];
}

const MB = 1_024 * 1_024;

export function reportOf(measured: readonly Measured[]): readonly ReportRow[] {
  return measured.map(({ row: { name, thing, variant }, rounds }) => {
    const of = (figure: (figures: Figures) => number): Spread => spreadOf(rounds.map(figure));
    const known = (figure: (figures: Figures, round: number) => number | undefined): Spread | undefined => {
      const values = rounds.flatMap((figures, round) => figure(figures, round) ?? []);
      return values.length === 0 ? undefined : spreadOf(values);
    };
    const other = (which: Row['variant'], round: number): Figures | undefined =>
      variant === which
        ? undefined
        : measured.find(({ row }) => row.thing === thing && row.variant === which)?.rounds[round];
    const added = (figure: 'p50Ms' | 'p99Ms'): Spread | undefined =>
      known((figures, round) => {
        const direct = other('direct', round);
        return direct === undefined ? undefined : figures[figure] - direct[figure];
      });
    return {
      name,
      thing,
      variant,
      perS: of(({ perS }) => perS),
      cpuUs: known(({ cpuUs }) => cpuUs),
      perCoreS: known(({ cpuUs }) => (cpuUs === undefined || cpuUs === 0 ? undefined : 1e6 / cpuUs)),
      busy: known(({ busy }) => busy),
      ofNginx: known(({ cpuUs }, round) => {
        const nginx = other('nginx', round)?.cpuUs;
        return nginx === undefined || cpuUs === undefined || cpuUs === 0 ? undefined : nginx / cpuUs;
      }),
      p50Ms: of(({ p50Ms }) => p50Ms),
      p99Ms: of(({ p99Ms }) => p99Ms),
      addedP50Ms: added('p50Ms'),
      addedP99Ms: added('p99Ms'),
      memoryMb: known(({ memoryBytes }) => (memoryBytes === undefined ? undefined : memoryBytes / MB)),
      faults: [...new Set(rounds.flatMap(({ faults }) => faults))],
    };
  });
}

/** In columns, with medians and, in brackets, the least and the most. */
export function tableOf(rows: readonly ReportRow[]): string {
  const head = [
    '',
    'per s',
    'CPU us',
    'per core s',
    'of nginx',
    'core',
    'p50 ms',
    'p99 ms',
    '+p50',
    '+p99',
    'MB',
    'books',
  ];
  const some = (spread: Spread | undefined, format: (value: number) => string): string =>
    spread === undefined ? '-' : asSpread(spread, format);
  const median = (spread: Spread | undefined, format: (value: number) => string): string =>
    spread === undefined ? '-' : format(spread.median);
  const lines = rows.map((row) => [
    row.name,
    row.faults.length > 0 ? 'VOID' : asSpread(row.perS, asCount),
    some(row.cpuUs, asDecimals),
    median(row.perCoreS, asCount),
    some(row.ofNginx, asTimes),
    median(row.busy, asTimes),
    median(row.p50Ms, asDecimals),
    median(row.p99Ms, asDecimals),
    median(row.addedP50Ms, asDecimals),
    median(row.addedP99Ms, asDecimals),
    median(row.memoryMb, asCount),
    row.faults.length > 0 ? 'wrong' : 'right',
  ]);
  const table = textTable(head, lines, new Set(['', 'books']));
  return [table, ...rows.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`))].join('\n');
}

interface Aim {
  readonly thing: string;
  readonly than: Row['variant'];
  readonly times: number;
}

/** Of one core. */
const AIMS: readonly Aim[] = [
  { thing: 'json', than: 'nginx', times: 0.4 },
  { thing: 'json', than: 'portkey', times: 10 },
  { thing: 'sse', than: 'nginx', times: 1 },
  { thing: 'sse injected', than: 'nginx', times: 1 },
];

export function verdictsOf(rows: readonly ReportRow[]): readonly string[] {
  const perCore = (thing: string, variant: Row['variant']): number | undefined =>
    rows.find((row) => row.thing === thing && row.variant === variant)?.perCoreS?.median;
  return AIMS.flatMap(({ thing, than, times }) => {
    const [ours, theirs] = [perCore(thing, 'omg'), perCore(thing, than)];
    if (ours === undefined || theirs === undefined) return [];
    const is = ours / theirs;
    return `${thing}: aim ${times} times ${than} on one core, ${is >= times ? 'reached' : 'not reached'}: ${is.toFixed(2)}.`;
  });
}

export function memoryLine({ quarterBytes, figures }: MemoryFigures, minutes: number): string {
  const megabytes = quarterBytes.map((bytes) => asCount(bytes / MB)).join(', ');
  const books = figures.faults.length > 0 ? `VOID: ${figures.faults.join('; ')}` : 'books right';
  return `omg's memory over ${minutes} min at ${asCount(figures.perS)} streams/s, the most in each quarter: ${megabytes} MB; ${books}.`;
}
