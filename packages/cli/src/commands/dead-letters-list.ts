import type { auditV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import { defineCommand } from '../command.ts';
import { LETTER_FILTER_OPTIONS, readLetterFilter } from '../options/letter-filter-options.ts';
import { limitOptions, readLimit } from '../options/limit-options.ts';
import { NOTHING, formatCount, formatTime } from '../output/format.ts';
import { writePages } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { deadLetterToJson } from '../views/dead-letter.ts';

const USUAL_LIMIT = 20;
const PAGE_SIZE = 500;

const COLUMNS: readonly Column<auditV1.DeadLetter>[] = [
  { title: 'TIME', value: ({ at }) => formatTime(at) },
  { title: 'DEAD LETTER', value: ({ id }) => id },
  { title: 'TENANT', value: ({ event }) => told(event?.tenantId), leaveOut: 2 },
  { title: 'SITE', value: ({ event }) => told(event?.site), leaveOut: 2 },
  { title: 'MODEL', value: ({ event }) => told(event?.model), leaveOut: 3 },
  { title: 'OUTPUT', align: 'right', value: ({ event }) => formatCount(event?.tokens?.output ?? 0n), leaveOut: 1 },
  { title: 'REASON', value: ({ reason }) => reason },
];

export const deadLettersList = defineCommand({
  name: 'dead-letters list',
  summary: 'events that could not be charged, newest first',
  operands: [],
  options: {
    ...LETTER_FILTER_OPTIONS,
    partition: { type: 'string', value: 'N', summary: 'only of this account partition, 0 to 7' },
    ...limitOptions('dead letters', USUAL_LIMIT),
  },
  examples: [
    'omg dead-letters list',
    'omg dead-letters list --reason price --last 7d --all',
    'omg dead-letters list --all --json | jq -r .reason',
  ],
  async run(context, args) {
    const filter = { ...readLetterFilter(args), ...readPartition(args) };
    const letters = context.connection.deadLetters();
    await writePages(context, {
      limit: readLimit(args, USUAL_LIMIT),
      pageSize: PAGE_SIZE,
      columns: COLUMNS,
      toJson: deadLetterToJson,
      none: 'Nothing waits to be charged.',
      load: async (page) => {
        const answer = await letters.call(
          async (client, options) => await client.listDeadLetters({ ...filter, ...page }, options),
        );
        return { rows: answer.letters, nextPageToken: answer.nextPageToken };
      },
    });
  },
});

function told(text = ''): string {
  return text || NOTHING;
}

function readPartition(args: Arguments<'partition'>): { readonly partition?: number } {
  const partition = args.integer('partition', { min: 0, max: 7 });
  return partition === undefined ? {} : { partition };
}
