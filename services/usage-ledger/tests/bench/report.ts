import { asCount, asDecimals, asPercent, asSpread, asTimes, spreadOf, textTable, type Spread } from '@omg/bench';
import type { Figures } from './measure.ts';
import type { Row } from './rows.ts';

export interface Measured {
  readonly row: Row;
  readonly repetitions: readonly Figures[];
}

export interface ReportRow {
  readonly name: string;
  readonly accounts: number;
  readonly kind: Row['kind'];
  readonly eventsPerS: Spread;
  readonly cpuUsPerEvent: Spread;
  readonly mongodUsPerEvent: Spread | undefined;
  /** What a core of the ledger's would do if it did nothing else. */
  readonly eventsPerCoreSecond: Spread;
  readonly ledgerBusy: Spread;
  readonly mongodBusy: Spread | undefined;
  readonly natsBusy: Spread | undefined;
  readonly othersBusy: Spread | undefined;
  /** What was wrong with the books. */
  readonly faults: readonly string[];
  /** By repetition, as measured one after the other. */
  readonly compared: { readonly baseline: string; readonly eventsPerS: Spread } | undefined;
}

export function reportOf(measured: readonly Measured[]): readonly ReportRow[] {
  const byName = new Map(measured.map(({ row, repetitions }) => [row.name, repetitions]));
  return measured.map(({ row: { name, accounts, kind, baseline }, repetitions }) => {
    const of = (figure: (figures: Figures) => number): Spread => spreadOf(repetitions.map(figure));
    const known = (figure: (figures: Figures) => number | undefined): Spread | undefined => {
      const values = repetitions.flatMap((figures) => figure(figures) ?? []);
      return values.length === 0 ? undefined : spreadOf(values);
    };
    const base = byName.get(baseline ?? '');
    const ratios = repetitions.flatMap(({ eventsPerS }, index) =>
      base?.[index] === undefined ? [] : eventsPerS / base[index].eventsPerS,
    );
    return {
      name,
      accounts,
      kind,
      eventsPerS: of(({ eventsPerS }) => eventsPerS),
      cpuUsPerEvent: of(({ cpuUsPerEvent }) => cpuUsPerEvent),
      mongodUsPerEvent: known(({ mongodUsPerEvent }) => mongodUsPerEvent),
      eventsPerCoreSecond: of(({ cpuUsPerEvent }) => 1e6 / cpuUsPerEvent),
      ledgerBusy: of(({ ledgerBusy }) => ledgerBusy),
      mongodBusy: known(({ mongodBusy }) => mongodBusy),
      natsBusy: known(({ natsBusy }) => natsBusy),
      othersBusy: known(({ othersBusy }) => othersBusy),
      faults: [...new Set(repetitions.flatMap(({ faults }) => faults))],
      compared: baseline === undefined || base === undefined ? undefined : { baseline, eventsPerS: spreadOf(ratios) },
    };
  });
}

/** In columns, with medians and, in brackets, the least and the most. */
export function tableOf(rows: readonly ReportRow[]): string {
  const head = [
    '',
    'events/s',
    'ledger us/event',
    'events/CPU s',
    'mongod us/event',
    'ledger',
    'mongod',
    'NATS',
    'others',
    'books',
    'compared with',
    'events/s',
  ];
  const busy = (spread: Spread | undefined): string => (spread === undefined ? '-' : asPercent(spread.median));
  const lines = rows.map((row) => [
    row.name,
    row.faults.length > 0 ? 'VOID' : asSpread(row.eventsPerS, asCount),
    asSpread(row.cpuUsPerEvent, asDecimals),
    asCount(row.eventsPerCoreSecond.median),
    row.mongodUsPerEvent === undefined ? '-' : asSpread(row.mongodUsPerEvent, asDecimals),
    busy(row.ledgerBusy),
    busy(row.mongodBusy),
    busy(row.natsBusy),
    busy(row.othersBusy),
    row.faults.length > 0 ? 'wrong' : 'right',
    row.compared?.baseline ?? '-',
    row.compared === undefined ? '-' : asSpread(row.compared.eventsPerS, asTimes),
  ]);
  const table = textTable(head, lines, new Set(['', 'books', 'compared with']));
  const faults = rows.flatMap(({ name, faults: some }) => some.map((fault) => `${name}: ${fault}`));
  return [table, ...faults].join('\n');
}
