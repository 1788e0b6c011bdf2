import { defineCommand } from '../command.ts';
import { RANGE_OPTIONS, readRange, readZone } from '../options/range-options.ts';
import { SCOPE_OPTIONS } from '../options/scope-options.ts';
import { writeRows } from '../output/pages.ts';
import { askSummary } from '../remote/ask-summary.ts';
import {
  COST_COLUMN,
  TIMING_COLUMNS,
  TOKEN_COLUMNS,
  TRAFFIC_COLUMNS,
  rowToJson,
  valueColumns,
} from '../views/usage-sums.ts';

const BY = ['model'] as const;
const { site, tenant } = SCOPE_OPTIONS;

export const usageModels = defineCommand({
  name: 'usage models',
  summary: 'each model: requests, success, tokens, cost, latency and time to first token',
  operands: [],
  options: { ...RANGE_OPTIONS, site, tenant },
  examples: [
    'omg usage models',
    'omg usage models --last 24h --site ohmygpt',
    `omg usage models --json | jq -r '[.model, .latency.p95Ms] | @tsv'`,
  ],
  async run(context, args) {
    const zone = readZone(args);
    const range = readRange(args, { usual: '30d', zone, nowMs: Date.now() });
    const scope = { site: args.string('site'), tenantId: args.string('tenant') };
    const { groups } = await askSummary(context, { range, by: BY, scope, limit: 1_000, quantiles: true });
    await writeRows(context, groups, {
      columns: [...valueColumns(BY), ...TRAFFIC_COLUMNS, ...TOKEN_COLUMNS, COST_COLUMN, ...TIMING_COLUMNS],
      toJson: rowToJson(BY),
      none: 'No request fits.',
    });
  },
});
