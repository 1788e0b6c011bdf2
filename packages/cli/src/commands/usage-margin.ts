import { defineCommand } from '../command.ts';
import { RANGE_OPTIONS, readRange, readZone } from '../options/range-options.ts';
import { BY_OPTION, SCOPE_OPTIONS, readBy, readScope, type ScopeOption } from '../options/scope-options.ts';
import { formatUsd } from '../output/format.ts';
import { writeRows } from '../output/pages.ts';
import { askSummary } from '../remote/ask-summary.ts';
import { MARGIN_COLUMNS, formatShare, marginOf, rowToJson, valueColumns } from '../views/usage-sums.ts';

const USUAL_BY: readonly ScopeOption[] = ['site', 'model'];

export const usageMargin = defineCommand({
  name: 'usage margin',
  summary: 'what was charged beyond the list cost, by site and model or what --by names',
  operands: [],
  options: { ...BY_OPTION, ...RANGE_OPTIONS, ...SCOPE_OPTIONS },
  examples: [
    'omg usage margin',
    'omg usage margin --by tenant --last 7d',
    'omg usage margin --from 2026-10-01 --to 2026-11-01 --json | jq -r .marginUsd',
  ],
  async run(context, args) {
    const [zone, named] = [readZone(args), readBy(args)];
    const by = named.length === 0 ? USUAL_BY : named;
    const range = readRange(args, { usual: '30d', zone, nowMs: Date.now() });
    const { total, groups } = await askSummary(context, {
      range,
      by,
      scope: readScope(args),
      limit: 10_000,
      quantiles: false,
    });
    await writeRows(context, groups, {
      columns: [...valueColumns(by), ...MARGIN_COLUMNS],
      toJson: rowToJson(by),
      none: 'No request fits.',
    });
    const { costNanoUsd, listCostNanoUsd } = total.sums;
    const margin = marginOf(total.sums);
    if (groups.length > 1 && !context.json)
      context.terminal.note(
        `In all ${formatUsd(costNanoUsd)} charged, ${formatUsd(listCostNanoUsd)} list cost, ${formatUsd(margin)} margin (${formatShare(margin, listCostNanoUsd)}).`,
      );
  },
});
