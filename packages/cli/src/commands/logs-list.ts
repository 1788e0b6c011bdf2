import { setTimeout as delay } from 'node:timers/promises';
import type { usageV1 } from '@omg/proto-gen';
import { defineCommand, type CommandContext } from '../command.ts';
import { UsageError } from '../failures.ts';
import { limitOptions, readLimit } from '../options/limit-options.ts';
import { LOG_FILTER_OPTIONS, readLogFilter, type LogFilter } from '../options/log-filter-options.ts';
import { formatCount, formatMs, formatTime, formatUsd } from '../output/format.ts';
import { jsonLine } from '../output/json-line.ts';
import { writePages } from '../output/pages.ts';
import { Table, type Column } from '../output/table.ts';
import { eventOf, requestLogToJson, resultOf } from '../views/request-log.ts';

const USUAL_LIMIT = 20;
const PAGE_SIZE = 500;
const LOOK_EVERY_MS = 1_000;

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
    follow: {
      type: 'boolean',
      short: 'f',
      summary: 'the newest ones last, and then each as it is charged, until Ctrl-C',
    },
    ...limitOptions('requests', USUAL_LIMIT),
    ...LOG_FILTER_OPTIONS,
  },
  examples: [
    'omg logs list',
    'omg logs list --site ohmygpt --tenant demo --limit 100',
    'omg logs list --follow --success no',
    'omg logs list --status 499 --from 2026-11-20 --to 2026-11-21 --all',
    `omg logs list --all --json | jq -r 'select(.success | not) | .requestId'`,
  ],
  async run(context, args) {
    const limit = readLimit(args, USUAL_LIMIT);
    const filter = readLogFilter(args);
    if (args.flag('follow')) {
      if (args.flag('all') || filter.filter?.to !== undefined)
        throw new UsageError('--follow does not go with --all or --to');
      await follow(context, filter, Math.min(limit, PAGE_SIZE));
      return;
    }
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

async function follow(context: CommandContext, filter: LogFilter, limit: number): Promise<void> {
  const { terminal, json, signal, connection } = context;
  const usage = connection.usage();
  const tail = async (pageToken: string): Promise<usageV1.TailLogsResponse> =>
    await usage.call(
      async (client, options) => await client.tailLogs({ ...filter, pageSize: PAGE_SIZE, pageToken }, options),
    );
  const table = new Table(COLUMNS, terminal);
  const write = async (logs: readonly usageV1.RequestLog[]): Promise<void> => {
    if (logs.length > 0)
      await terminal.write(json ? logs.map((log) => jsonLine(requestLogToJson(log))).join('') : table.render(logs));
  };
  // from before the list is asked for, so that none is between the two; some may be in both
  let { nextPageToken } = await tail('');
  const { logs: newest } = await usage.call(
    async (client, options) => await client.listLogs({ ...filter, pageSize: limit, pageToken: '' }, options),
  );
  await write(newest.toReversed());
  const known = new Set(newest.map((log) => eventOf(log).requestId));
  for (;;) {
    const page = await tail(nextPageToken);
    await write(page.logs.filter((log) => !known.has(eventOf(log).requestId)));
    ({ nextPageToken } = page);
    if (page.logs.length < PAGE_SIZE) await delay(LOOK_EVERY_MS, undefined, { signal });
  }
}
