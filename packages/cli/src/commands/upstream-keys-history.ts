import type { keyAdminV1 } from '@omg/proto-gen';
import { defineCommand } from '../command.ts';
import { NOTHING, formatCount, formatTime } from '../output/format.ts';
import { writePages } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { withNulls } from '../output/with-nulls.ts';
import { limitOptions, readLimit } from '../options/limit-options.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';

const USUAL_LIMIT = 20;
const PAGE_SIZE = 500;

const COLUMNS: readonly Column<keyAdminV1.HistoryView>[] = [
  { title: 'TIME', value: ({ at }) => formatTime(at) },
  { title: 'KEY', value: ({ keyId }) => keyId },
  { title: 'CAUSE', value: ({ cause }) => cause },
  { title: 'FROM', value: ({ from }) => from || NOTHING },
  { title: 'TO', value: ({ to }) => to || NOTHING },
  { title: 'GENERATION', align: 'right', value: ({ generation }) => formatCount(generation), leaveOut: 1 },
  { title: 'ACTOR', value: ({ actor }) => actor || NOTHING, leaveOut: 3 },
  { title: 'MESSAGE', value: ({ message }) => message || NOTHING, leaveOut: 2 },
];

export const upstreamKeysHistory = defineCommand({
  name: 'upstream-keys history',
  summary: 'what became of the keys of a pool, or of one, and why; newest first',
  operands: [],
  lastOperand: { name: 'key id', takes: 'one or none' },
  options: { ...ONE_PROVIDER, ...limitOptions('entries', USUAL_LIMIT) },
  examples: [
    'omg upstream-keys history',
    'omg upstream-keys history key-1 --limit 100',
    'omg upstream-keys history --provider ohmygpt --all --json',
  ],
  async run(context, args) {
    const [limit, [keyId = '']] = [readLimit(args, USUAL_LIMIT), args.operandsFrom(0)];
    const { provider, admin } = await openPool(context, args);
    await writePages(context, {
      limit,
      pageSize: PAGE_SIZE,
      columns: COLUMNS,
      toJson: withNulls,
      none: 'Nothing has happened yet.',
      load: async (page) => {
        const { entries, nextPageToken } = await admin.call(
          async (client, call) => await client.listHistory({ provider, keyId, ...page }, call),
        );
        return { rows: entries, nextPageToken };
      },
    });
  },
});
