import type { usageV1 } from '@omg/proto-gen';
import type { CommandContext } from '../command.ts';
import { DIMENSIONS, type ScopeOption } from '../options/scope-options.ts';
import { rowOf, type UsageRow } from '../views/usage-sums.ts';

export interface SummaryAnswer {
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  readonly total: UsageRow;
  readonly groups: readonly UsageRow[];
  readonly groupCount: number;
}

export async function askSummary(
  { connection }: CommandContext,
  question: Pick<usageV1.SummariseRequest, 'scope' | 'quantiles'> & {
    readonly range: { readonly from: Date; readonly to: Date };
    readonly by: readonly ScopeOption[];
    readonly limit: number;
  },
): Promise<SummaryAnswer> {
  const { range, by, ...rest } = question;
  const groupBy = by.map((name) => DIMENSIONS[name]);
  const { from, to, total, groups, groupCount } = await connection
    .usage()
    .call(async (client, options) => await client.summarise({ ...range, ...rest, groupBy }, options));
  return { from, to, total: rowOf({ values: [], sums: total }), groups: groups.map(rowOf), groupCount };
}
