import { auditV1 } from '@omg/proto-gen';
import { reportLines, type ReportedLine } from '../admin/line-report.ts';
import type { Arguments } from '../args/arguments.ts';
import { defineCommand, type CommandContext } from '../command.ts';
import { CommandFailure, UsageError } from '../failures.ts';
import { YES, confirm } from '../options/confirm.ts';
import { LETTER_FILTER_OPTIONS, readLetterFilter } from '../options/letter-filter-options.ts';
import { formatCount } from '../output/format.ts';

/** As many as usage-ledger takes in a call, each of which waits until they are charged. */
const CHUNK_SIZE = 100;
const CHUNK_DEADLINE_MS = 30_000;

const { CHARGED, CHARGED_BEFORE, REFUSED, PENDING, NOT_FOUND } = auditV1.ReplayOutcome;
const { UNSPECIFIED, UNRECOGNIZED } = auditV1.ReplayOutcome;
const UNKNOWN = 'usage-ledger gave an answer that this omg does not know';
/** Why it is not charged; empty where it is, undefined where usage-ledger says why. */
const REASONS: Record<auditV1.ReplayOutcome, string | undefined> = {
  [CHARGED]: '',
  [CHARGED_BEFORE]: '',
  [REFUSED]: undefined,
  [PENDING]: 'sent, and not charged yet: it stays until it is; look again later',
  [NOT_FOUND]: 'there is none: it may be charged by now',
  [UNSPECIFIED]: UNKNOWN,
  [UNRECOGNIZED]: UNKNOWN,
};

export const deadLettersReplay = defineCommand({
  name: 'dead-letters replay',
  summary: 'charges dead letters whose cause was mended; each once, however often it is replayed',
  operands: [],
  lastOperand: { name: 'dead letter id', takes: 'any number' },
  options: {
    all: { type: 'boolean', summary: 'all that there are' },
    ...LETTER_FILTER_OPTIONS,
    ...YES,
  },
  examples: [
    'omg dead-letters replay 019aa4f0-6d1b-7c43-9c0e-5a1f0b7d2e11',
    'omg dead-letters replay --reason model-z --yes',
    'omg dead-letters replay --all --last 24h',
  ],
  async run(context, args) {
    const ids = args.operandsFrom(0);
    const lines: ReportedLine[] = [];
    let failure: CommandFailure | undefined;
    const chunks = ids.length > 0 ? chunksOf(ids, args) : await chosen(context, args);
    try {
      for await (const chunk of chunks) {
        context.terminal.progress(`replaying: ${formatCount(lines.length)}`);
        lines.push(...(await replay(context, chunk)));
      }
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      failure = error;
    } finally {
      context.terminal.progress('');
    }
    await reportLines(context, { lines, noun: ['dead letter', 'dead letters'], done: 'charged', failure });
  },
});

type Args = Arguments<'all' | 'yes' | keyof typeof LETTER_FILTER_OPTIONS>;

async function* chunksOf(ids: readonly string[], args: Args): AsyncIterable<readonly string[]> {
  if (args.flag('all') || args.string('reason') !== undefined)
    throw new UsageError('ids and --all or --reason exclude each other');
  for (let at = 0; at < ids.length; at += CHUNK_SIZE) yield await Promise.resolve(ids.slice(at, at + CHUNK_SIZE));
}

/** Those that are not named one by one, page by page. */
async function chosen(context: CommandContext, args: Args): Promise<AsyncIterable<readonly string[]>> {
  const filter = readLetterFilter(args);
  if (args.flag('all') === (filter.reason !== ''))
    throw new UsageError('which dead letters? name their ids, or --reason TEXT, or --all');
  await confirm(context, args, `charge ${filter.reason === '' ? 'all dead letters' : `those with "${filter.reason}"`}`);
  const letters = context.connection.deadLetters();
  return (async function* pages() {
    let pageToken = '';
    do {
      const request = { ...filter, pageSize: CHUNK_SIZE, pageToken };
      const page = await letters.call(async (client, options) => await client.listDeadLetters(request, options));
      if (page.letters.length > 0) yield page.letters.map(({ id }) => id);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
  })();
}

async function replay({ connection }: CommandContext, ids: readonly string[]): Promise<readonly ReportedLine[]> {
  const { letters } = await connection
    .deadLetters()
    .call(
      async (client, options) =>
        await client.replayDeadLetters({ ids: [...ids] }, { ...options, deadlineMs: CHUNK_DEADLINE_MS }),
    );
  return letters.map(({ id, outcome, reason }) => {
    const why = REASONS[outcome] ?? reason;
    return { id, ok: why === '', reason: why };
  });
}
