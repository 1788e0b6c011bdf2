import { usageV1 } from '@omg/proto-gen';
import { defineCommand } from '../command.ts';
import { UsageError } from '../failures.ts';
import { RANGE_OPTIONS, readRange, readZone } from '../options/range-options.ts';
import { BY_OPTION, DIMENSIONS, SCOPE_OPTIONS, readBy, readScope } from '../options/scope-options.ts';
import { renderBar } from '../output/bar.ts';
import { writeRows } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { formatDayIn, formatHourIn } from '../output/zoned.ts';
import {
  COST_COLUMN,
  TOKEN_COLUMNS,
  TRAFFIC_COLUMNS,
  rowOf,
  rowToJson,
  sumsToJson,
  valueColumns,
  type UsageRow,
} from '../views/usage-sums.ts';

const BAR_WIDTH = 20;
const DEADLINE_MS = 30_000;

const STEPS = {
  day: { step: usageV1.Step.DAY, usual: '14d', format: formatDayIn },
  hour: { step: usageV1.Step.HOUR, usual: '24h', format: formatHourIn },
} as const;

const BARS: Readonly<Record<'cost' | 'requests' | 'tokens', (row: UsageRow) => number>> = {
  cost: ({ sums }) => Number(sums.costNanoUsd),
  requests: ({ sums }) => Number(sums.requests),
  tokens: ({ sums: { tokens } }) => Object.values<bigint>({ ...tokens }).reduce((sum, count) => sum + Number(count), 0),
};

interface PointRow extends UsageRow {
  readonly point: usageV1.SeriesPoint;
}

export const usageSeries = defineCommand({
  name: 'usage series',
  summary: 'requests, tokens and cost by day or by hour of a time zone',
  operands: [],
  options: {
    step: { type: 'string', value: 'day|hour', summary: 'how long a row is (default day)' },
    bar: { type: 'string', value: 'cost|requests|tokens', summary: 'what the bars are of (default cost)' },
    ...BY_OPTION,
    ...RANGE_OPTIONS,
    ...SCOPE_OPTIONS,
  },
  examples: [
    'omg usage series',
    'omg usage series --step hour --last 48h --tenant demo --bar requests',
    'omg usage series --by model --zone Asia/Kolkata --from 2026-11-01',
    `omg usage series --last 52w --json | jq -r '[.from, .costUsd] | @csv'`,
  ],
  async run(context, args) {
    const [zone, by] = [readZone(args), readBy(args)];
    const { step, usual, format } = STEPS[oneOf('step', args.string('step') ?? 'day', STEPS)];
    const bar = BARS[oneOf('bar', args.string('bar') ?? 'cost', BARS)];
    const range = readRange(args, { usual, zone, nowMs: Date.now() });
    const groupBy = by.map((name) => DIMENSIONS[name]);
    const question = { ...range, step, timeZone: zone, scope: readScope(args), groupBy };
    const parts = await context.connection
      .usage()
      .call(async (client) => await Array.fromAsync(client.getSeries(question, context.signal, DEADLINE_MS)));
    const points = parts.flatMap((part) => part.points);
    const rows = points.flatMap((point): readonly PointRow[] => {
      const groups = by.length === 0 ? [{ values: [], sums: point.total }] : point.groups;
      return groups.map((group) => ({ ...rowOf(group), point }));
    });
    const most = Math.max(0, ...rows.map(bar));
    await writeRows(context, rows, {
      columns: [
        { title: step === usageV1.Step.DAY ? 'DAY' : 'HOUR', value: ({ point }) => format(zone, point.from) },
        ...columnsOf(valueColumns(by)),
        ...columnsOf([...TRAFFIC_COLUMNS, ...TOKEN_COLUMNS, COST_COLUMN]),
        { title: '', value: (row) => renderBar(bar(row), { most, width: BAR_WIDTH }), leaveOut: 2 },
      ],
      toJson: (row) => ({
        from: row.point.from ?? null,
        to: row.point.to ?? null,
        ...(by.length === 0 ? sumsToJson(row) : rowToJson(by)(row)),
      }),
      none: 'No request fits.',
    });
  },
});

/** Columns of a part serve the whole. */
function columnsOf(columns: readonly Column<UsageRow>[]): readonly Column<PointRow>[] {
  return columns;
}

function oneOf<Name extends string>(option: string, word: string, among: Readonly<Record<Name, unknown>>): Name {
  if (isNameOf(among, word)) return word;
  throw new UsageError(`--${option} is ${Object.keys(among).join(' or ')}, not "${word}"`);
}

function isNameOf<Name extends string>(among: Readonly<Record<Name, unknown>>, word: string): word is Name {
  return Object.hasOwn(among, word);
}
