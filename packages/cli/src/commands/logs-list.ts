import type { usageV1 } from '@omg/proto-gen';
import { defineCommand } from '../command.ts';
import { limitOptions, readLimit } from '../options/limit-options.ts';
import { formatCount, formatMs, formatTime, formatUsd } from '../output/format.ts';
import { writePages } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { eventOf, requestLogToJson, resultOf } from '../views/request-log.ts';

const USUAL_LIMIT = 20;
const PAGE_SIZE = 500;

const COLUMNS: readonly Column<usageV1.RequestLog>[] = [
  { title: 'TIME', value: (log) => formatTime(eventOf(log).acceptedAt) },
  { title: 'REQUEST', value: (log) => eventOf(log).requestId },
  { title: 'SITE', value: (log) => eventOf(log).site, leaveOut: 3 },
  { title: 'TENANT', value: (log) => eventOf(log).tenantId, leaveOut: 2 },
  { title: 'KEY', value: (log) => eventOf(log).clientKeyId, leaveOut: 2 },
  { title: 'MODEL', value: (log) => eventOf(log).model, leaveOut: 6 },
  { title: 'STATUS', align: 'right', value: (log) => String(eventOf(log).statusCode) },
  {
    title: 'RESULT',
    value: (log) => resultOf(eventOf(log)),
    style: (log) => (eventOf(log).success ? 'green' : 'red'),
    leaveOut: 7,
  },
  {
    title: 'INPUT',
    align: 'right',
    value: (log) => formatCount(eventOf(log).tokens.input),
    leaveOut: 5,
  },
  {
    title: 'CACHE WRITE',
    align: 'right',
    value: (log) => formatCount(eventOf(log).tokens.cacheWrite5m + eventOf(log).tokens.cacheWrite1h),
    leaveOut: 1,
  },
  {
    title: 'CACHE READ',
    align: 'right',
    value: (log) => formatCount(eventOf(log).tokens.cacheRead),
    leaveOut: 1,
  },
  {
    title: 'OUTPUT',
    align: 'right',
    value: (log) => formatCount(eventOf(log).tokens.output),
    leaveOut: 5,
  },
  { title: 'COST', align: 'right', value: ({ costNanoUsd }) => formatUsd(costNanoUsd, 9) },
  {
    title: 'LATENCY',
    align: 'right',
    value: (log) => formatMs(eventOf(log).latencyMs),
    leaveOut: 4,
  },
];

export const logsList = defineCommand({
  name: 'logs list',
  summary: 'charged requests, newest first',
  operands: [],
  options: {
    ...limitOptions('requests', USUAL_LIMIT),
    site: { type: 'string', value: 'SITE', summary: 'only of this site' },
    tenant: { type: 'string', value: 'ID', summary: 'only of this tenant' },
    key: {
      type: 'string',
      value: 'ID',
      summary: 'only of this client key (its id, never the key itself)',
    },
  },
  examples: [
    'omg logs list',
    'omg logs list --site ohmygpt --tenant demo --limit 100',
    `omg logs list --all --json | jq -r 'select(.success | not) | .requestId'`,
  ],
  async run(context, args) {
    const limit = readLimit(args, USUAL_LIMIT);
    const filter = {
      site: args.string('site'),
      tenantId: args.string('tenant'),
      clientKeyId: args.string('key'),
    };
    const usage = context.connection.usage();
    await writePages(context, {
      limit,
      pageSize: PAGE_SIZE,
      columns: COLUMNS,
      toJson: requestLogToJson,
      none: 'No charged request fits.',
      load: async (page) => {
        const { logs, nextPageToken } = await usage.call(
          async (client, options) => await client.listLogs({ ...filter, ...page }, options),
        );
        return { rows: logs, nextPageToken };
      },
    });
  },
});
