import { defineCommand, type CommandContext } from '../command.ts';
import { RANGE_OPTIONS, readRange, readZone } from '../options/range-options.ts';
import { BY_OPTION, SCOPE_OPTIONS, readBy, readScope } from '../options/scope-options.ts';
import { renderFields } from '../output/field-list.ts';
import { NOTHING, formatCount, formatMs, formatNumberOf, formatUsd } from '../output/format.ts';
import { jsonLine } from '../output/json-line.ts';
import { writeRows } from '../output/pages.ts';
import { printable } from '../output/printable.ts';
import { formatSpanIn } from '../output/zoned.ts';
import { askSummary, type SummaryAnswer } from '../remote/ask-summary.ts';
import {
  COST_COLUMN,
  TOKEN_COLUMNS,
  TRAFFIC_COLUMNS,
  formatShare,
  rowToJson,
  sumsToJson,
  valueColumns,
} from '../views/usage-sums.ts';

const USUAL_LIMIT = 100;

export const usageSummary = defineCommand({
  name: 'usage summary',
  summary: 'requests, tokens and cost of a time, in all or by tenant, key, model and so on',
  operands: [],
  options: {
    ...BY_OPTION,
    limit: { type: 'string', value: 'N', summary: `with --by, the N rows that cost most (default ${USUAL_LIMIT})` },
    ...RANGE_OPTIONS,
    ...SCOPE_OPTIONS,
  },
  examples: [
    'omg usage summary',
    'omg usage summary --last 24h --by tenant',
    'omg usage summary --tenant demo --by key --from 2026-11-01 --zone Europe/Berlin',
    'omg usage summary --by upstream-key,provider --json | jq .costUsd',
  ],
  async run(context, args) {
    const [zone, by] = [readZone(args), readBy(args)];
    const range = readRange(args, { usual: '30d', zone, nowMs: Date.now() });
    const limit = args.integer('limit', { min: 1, max: 10_000 }) ?? USUAL_LIMIT;
    const answer = await askSummary(context, { range, by, scope: readScope(args), limit, quantiles: by.length === 0 });
    if (by.length === 0) await writeTotal(context, answer, zone);
    else {
      await writeRows(context, answer.groups, {
        columns: [...valueColumns(by), ...TRAFFIC_COLUMNS, ...TOKEN_COLUMNS, COST_COLUMN],
        toJson: rowToJson(by),
        none: 'No request fits.',
      });
      const more = answer.groupCount - answer.groups.length;
      if (more > 0 && !context.json) context.terminal.note(`${formatNumberOf(more, 'more row')}: --limit N`);
    }
  },
});

async function writeTotal({ terminal, json }: CommandContext, answer: SummaryAnswer, zone: string): Promise<void> {
  const { from, to, total } = answer;
  if (json) {
    await terminal.write(jsonLine({ from: from ?? null, to: to ?? null, ...sumsToJson(total) }));
    return;
  }
  const { requests, successes, failures, tokens, costNanoUsd, latency, firstToken } = total.sums;
  const timing = (of: typeof latency): string =>
    of?.p50Ms === undefined
      ? of === undefined || of.count === 0n
        ? NOTHING
        : `mean ${formatMs(Math.round(of.meanMs))}`
      : `p50 ${formatMs(Number(of.p50Ms))}, p95 ${formatMs(Number(of.p95Ms ?? 0n))}, p99 ${formatMs(Number(of.p99Ms ?? 0n))}`;
  const head = terminal.paint('bold', formatSpanIn(zone, from, to));
  await terminal.write(
    `${head}\n${renderFields([
      ['requests', formatCount(requests)],
      ['succeeded', `${formatCount(successes)} (${formatShare(successes, requests)})`],
      ...failures
        .toSorted((a, b) => Number(b.count - a.count))
        .map(({ kind, count }): [string, string] => [`  ${printable(kind)}`, formatCount(count)]),
      ['input, not cached', formatCount(tokens?.input ?? 0n)],
      ['cache write', formatCount((tokens?.cacheWrite5m ?? 0n) + (tokens?.cacheWrite1h ?? 0n))],
      ['cache read', formatCount(tokens?.cacheRead ?? 0n)],
      ['output', formatCount(tokens?.output ?? 0n)],
      ['cost', formatUsd(costNanoUsd)],
      ['latency', timing(latency)],
      ['first token', timing(firstToken)],
    ])}`,
  );
}
