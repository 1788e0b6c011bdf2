import { defineCommand } from '../command.ts';
import { formatNumberOf } from '../output/format.ts';
import { writePages } from '../output/pages.ts';
import { limitOptions, readLimit } from '../options/limit-options.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';
import { keyColumns, keyToJson } from '../views/upstream-key.ts';

const USUAL_LIMIT = 100;
const PAGE_SIZE = 1_000;

export const upstreamKeysList = defineCommand({
  name: 'upstream-keys list',
  summary: 'the keys of a pool by name: their state, why they are blocked and until when',
  operands: [],
  options: {
    ...ONE_PROVIDER,
    status: {
      type: 'string',
      value: 'A,B',
      summary: 'only those that are healthy, rate_limited, exhausted, error, using_failover, disabled or paused',
    },
    search: { type: 'string', value: 'TEXT', summary: 'only those with this in their name' },
    ...limitOptions('keys', USUAL_LIMIT),
  },
  examples: [
    'omg upstream-keys list',
    'omg upstream-keys list --provider ohmygpt --status exhausted,error --all',
    `omg upstream-keys list --all --json | jq -r 'select(.available | not) | .keyId'`,
  ],
  async run(context, args) {
    const limit = readLimit(args, USUAL_LIMIT);
    const [statuses, search] = [args.list('status') ?? [], args.string('search') ?? ''];
    const { provider, admin } = await openPool(context, args);
    let found = 0;
    await writePages(context, {
      limit,
      pageSize: PAGE_SIZE,
      columns: keyColumns(Date.now()),
      toJson: keyToJson,
      none: 'No key fits.',
      load: async (page) => {
        const { keys, nextPageToken, total } = await admin.call(
          async (client, call) => await client.listKeys({ provider, statuses, search, ...page }, call),
        );
        found = total;
        return { rows: keys, nextPageToken };
      },
    });
    if (found > limit && !context.json)
      context.terminal.note(`${formatNumberOf(found - limit, 'more key')}: --limit N, or --all`);
  },
});
