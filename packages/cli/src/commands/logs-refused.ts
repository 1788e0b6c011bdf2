import type { usageV1 } from '@omg/proto-gen';
import { defineCommand } from '../command.ts';
import { limitOptions, readLimit } from '../options/limit-options.ts';
import { RANGE_OPTIONS, readTimes, readZone } from '../options/range-options.ts';
import { SCOPE_OPTIONS } from '../options/scope-options.ts';
import { NOTHING, formatCount, formatTime } from '../output/format.ts';
import { writePages } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { withNulls } from '../output/with-nulls.ts';
import { DIALECTS } from '../views/request-log.ts';

const USUAL_LIMIT = 20;
const PAGE_SIZE = 1_000;

const whoOf = (id: string, { merged }: usageV1.RefusedRequests): string => (merged ? '(others)' : id || NOTHING);

const COLUMNS: readonly Column<usageV1.RefusedRequests>[] = [
  { title: 'SITE', value: ({ site }) => site, leaveOut: 2 },
  { title: 'TENANT', value: (row) => whoOf(row.tenantId, row) },
  { title: 'KEY', value: (row) => whoOf(row.clientKeyId, row), leaveOut: 3 },
  { title: 'DIALECT', value: ({ dialect }) => DIALECTS[dialect], leaveOut: 1 },
  { title: 'CAUSE', value: ({ kind }) => kind },
  { title: 'STATUS', align: 'right', value: ({ statusCode }) => String(statusCode), leaveOut: 4 },
  { title: 'COUNT', align: 'right', value: ({ count }) => formatCount(count) },
];
const MINUTE: Column<usageV1.RefusedRequests> = {
  title: 'MINUTE',
  value: ({ firstMinute }) => formatTime(firstMinute),
};
const SPAN: readonly Column<usageV1.RefusedRequests>[] = [
  { ...MINUTE, title: 'FIRST', leaveOut: 5 },
  { title: 'LAST', value: ({ lastMinute }) => formatTime(lastMinute) },
];

export const logsRefused = defineCommand({
  name: 'logs refused',
  summary: 'requests that were refused and not forwarded, counted by account, cause and minute',
  operands: [],
  options: {
    sum: { type: 'boolean', summary: 'all minutes together, the most first' },
    kind: { type: 'string', value: 'CAUSE', summary: 'only of this cause, such as invalid_key or rate_limited' },
    site: SCOPE_OPTIONS.site,
    tenant: SCOPE_OPTIONS.tenant,
    key: SCOPE_OPTIONS.key,
    ...limitOptions('rows', USUAL_LIMIT),
    ...RANGE_OPTIONS,
  },
  examples: [
    'omg logs refused',
    'omg logs refused --sum --last 24h',
    'omg logs refused --tenant demo --kind money_spent --from 2026-11-20',
    `omg logs refused --sum --all --json | jq -r '[.tenantId, .kind, .count] | @csv'`,
  ],
  async run(context, args) {
    const { from, to } = readTimes(args, { zone: readZone(args), nowMs: Date.now() });
    const summed = args.flag('sum');
    const asked = {
      tenantId: args.string('tenant'),
      clientKeyId: args.string('key'),
      site: args.string('site'),
      kind: args.string('kind'),
      from,
      to,
      summed,
    };
    const usage = context.connection.usage();
    await writePages(context, {
      limit: readLimit(args, USUAL_LIMIT),
      pageSize: PAGE_SIZE,
      columns: [...(summed ? SPAN : [MINUTE]), ...COLUMNS],
      toJson: (row) => withNulls({ ...row, dialect: DIALECTS[row.dialect] }),
      none: 'No refused request fits.',
      load: async (page) => {
        const { refusals, nextPageToken } = await usage.call(
          async (client, options) => await client.listRefusals({ ...asked, ...page }, options),
        );
        return { rows: refusals, nextPageToken };
      },
    });
  },
});
