import type { keyAdminV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import type { CommandContext, OptionSpecs } from '../command.ts';
import { CommandFailure, UsageError } from '../failures.ts';
import type { ParsedFile } from '../import/parse-file.ts';
import { formatCount } from '../output/format.ts';
import { inChunks } from './in-chunks.ts';
import { reportLines, type ReportedLine } from './line-report.ts';

export const DRY_RUN = {
  'dry-run': { type: 'boolean', summary: 'only say what would be refused' },
} as const satisfies OptionSpecs;

export const IMPORT_OPTIONS = {
  file: { type: 'string', value: 'FILE', summary: 'what to import; - is stdin' },
  ...DRY_RUN,
} as const satisfies OptionSpecs;

export interface Import<Item> {
  readonly parse: (text: string) => ParsedFile<Item>;
  readonly send: (items: readonly Item[], dryRun: boolean) => Promise<readonly keyAdminV1.LineResult[]>;
  readonly noun: readonly [one: string, many: string];
  /** Where they go, where that is to be said. */
  readonly to?: string;
}

/** Imports the file that `--file` names and reports each row that is refused. */
export async function importFile<Item>(
  context: CommandContext,
  args: Arguments<keyof typeof IMPORT_OPTIONS>,
  { parse, send, noun, to = '' }: Import<Item>,
): Promise<void> {
  const path = args.string('file');
  if (path === undefined) throw new UsageError('--file FILE is needed; - is stdin');
  const dryRun = args.flag('dry-run');
  const { unit, entries, refusals } = parse(await context.input.readText(path));
  if (entries.length + refusals.length === 0) throw new CommandFailure(`there is nothing to import in ${path}`);

  const { results, failure } = await inChunks(context.terminal, {
    items: entries.map(({ item }) => item),
    doing: dryRun ? 'checking' : 'importing',
    send: async (items) => await send(items, dryRun),
  });
  const answered = results.map(({ id, ok, reason }, index): ReportedLine => {
    const entry = entries[index];
    return { number: entry?.number ?? 0, id: id || (entry?.id ?? ''), ok, reason };
  });
  const faulty = refusals.map((refusal): ReportedLine => ({ ...refusal, ok: false }));
  const left = entries.length - results.length;
  await reportLines(context, {
    lines: [...faulty, ...answered].toSorted((a, b) => (a.number ?? 0) - (b.number ?? 0)),
    unit,
    noun,
    done: `${dryRun ? 'would be added' : 'added'} ${to}`.trim(),
    failure: failure && new CommandFailure(`${failure.message}\n${againFor(left)}`, { cause: failure }),
  });
}

function againFor(left: number): string {
  return `nothing is known of the last ${formatCount(left)}: import the file again, what is there already is refused`;
}
