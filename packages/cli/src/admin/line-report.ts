import type { CommandContext } from '../command.ts';
import { CommandFailure } from '../failures.ts';
import { NOTHING, formatCount, formatNumberOf } from '../output/format.ts';
import { jsonLine } from '../output/json-line.ts';
import { Table, type Column } from '../output/table.ts';

/** What became of one of many. */
export interface ReportedLine {
  /** In the file that it came from. */
  readonly number?: number;
  readonly id: string;
  readonly ok: boolean;
  readonly reason: string;
}

export interface LineReport {
  /** In the order to be printed. */
  readonly lines: readonly ReportedLine[];
  /** What `number` counts. */
  readonly unit?: 'line' | 'entry';
  /** What they are: one, and many of them. */
  readonly noun: readonly [one: string, many: string];
  /** `added to ohmygpt` */
  readonly done: string;
  /** What stopped it before the end. */
  readonly failure?: CommandFailure | undefined;
}

/** Prints what was refused and how many were not; throws the failure, or a CommandFailure where any was refused. */
export async function reportLines({ terminal, json }: CommandContext, report: LineReport): Promise<void> {
  const { lines, unit, noun, done } = report;
  const refused = lines.filter(({ ok }) => !ok);
  if (json) await terminal.write(lines.map((line) => jsonLine(toJson(line, unit))).join(''));
  else {
    if (refused.length > 0) await terminal.write(new Table(columnsOf(unit), terminal).render(refused));
    await terminal.write(`${formatNumberOf(lines.length - refused.length, ...noun)} ${done}\n`);
  }
  if (report.failure !== undefined) throw report.failure;
  if (refused.length > 0)
    throw new CommandFailure(`${formatNumberOf(refused.length, ...noun)} of ${formatCount(lines.length)} refused`);
}

function toJson({ number, id, ok, reason }: ReportedLine, unit: 'line' | 'entry' | undefined): object {
  return { ...(unit === undefined ? {} : { [unit]: number }), id: id || null, ok, reason: reason || null };
}

function columnsOf(unit: 'line' | 'entry' | undefined): readonly Column<ReportedLine>[] {
  const position: Column<ReportedLine> = {
    title: unit?.toUpperCase() ?? '',
    align: 'right',
    value: ({ number }) => String(number),
  };
  return [
    ...(unit === undefined ? [] : [position]),
    { title: 'REFUSED', value: ({ id }) => id || NOTHING, style: () => 'red' },
    { title: 'REASON', value: ({ reason }) => reason },
  ];
}
