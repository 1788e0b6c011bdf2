import { usd, type Difference, type Finding } from '../../domain/audit/finding.ts';
import type { AuditStore, TenantSums } from './audit-ports.ts';

export interface CheckBalancesDeps {
  readonly store: Pick<AuditStore, 'tenantSums'>;
  readonly partitions: number;
  readonly partitionOf: (tenantId: string) => number;
}

/** Each tenant has what it was given, less what its entries cost; and so do all of a partition together. */
export async function* checkBalances({ store, partitions, partitionOf }: CheckBalancesDeps): AsyncIterable<Finding> {
  const spent = Array.from({ length: partitions }, () => 0n);
  const revenue = new Map(spent.map((sum, partition) => [partition, sum]));
  let unreported = 0;
  for await (const sums of store.tenantSums()) {
    for (const difference of compareTenant(sums)) yield { check: 'balances', difference };
    const partition = partitionOf(sums.tenantId);
    spent[partition] = (spent[partition] ?? 0n) + (sums.tenant?.spentNanoUsd ?? 0n);
    for (const [of, nanoUsd] of sums.usageNanoUsd) revenue.set(of, (revenue.get(of) ?? 0n) + nanoUsd);
    unreported += 1;
    if (unreported < 1_000) continue;
    yield { check: 'balances', checked: unreported };
    unreported = 0;
  }
  yield { check: 'balances', checked: unreported };
  for (const [partition, found] of revenue) {
    const expected = spent[partition] ?? 0n;
    if (expected !== found)
      yield {
        check: 'revenue',
        difference: {
          subject: `partition ${partition}`,
          what: 'revenue',
          expected: usd(expected),
          found: usd(found),
        },
      };
  }
  yield { check: 'revenue', checked: revenue.size };
}

function compareTenant({ tenantId, tenant, credits, usageNanoUsd }: TenantSums): readonly Difference[] {
  const subject = `tenant ${tenantId}`;
  const usage = usageNanoUsd.values().reduce((sum, nanoUsd) => sum + nanoUsd, 0n);
  if (tenant === undefined)
    return [{ subject, what: 'tenant', expected: `one that spent ${usd(usage)}`, found: 'none' }];
  return [
    { what: 'credits', expected: usd(credits.creditsNanoUsd), found: usd(tenant.creditsNanoUsd) },
    { what: 'refCredits', expected: usd(credits.refCreditsNanoUsd), found: usd(tenant.refCreditsNanoUsd) },
    { what: 'spent', expected: usd(usage), found: usd(tenant.spentNanoUsd) },
  ]
    .filter(({ expected, found }) => expected !== found)
    .map((difference) => ({ subject, ...difference }));
}
