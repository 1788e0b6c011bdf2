import { costNanoUsd, type Price } from '@omg/pricing';
import type { AuditedLog } from './audited-log.ts';
import { usd, type Difference } from './finding.ts';

/** What is wrong with a log's cost, when it is computed again. */
export function auditCost(log: AuditedLog, price: Price | undefined): readonly Difference[] {
  const subject = `request ${log.requestId}`;
  if (price === undefined)
    return [{ subject, what: 'price', expected: 'a version that there is', found: log.priceVersion }];
  const { tokens, tokensUsed, creditsCost } = log;
  const cost = costNanoUsd(tokens, price);
  // the division that the log was written with: readers of old systems have to see this very double
  const [inUsd, used] = [Number(cost) / 1e9, Number(tokens.input + tokens.output)];
  return [
    { what: 'cost', expected: usd(cost), found: usd(log.costNanoUsd) },
    { what: 'creditsCost', expected: String(inUsd), found: String(creditsCost) },
    { what: 'tokensUsed', expected: String(used), found: String(tokensUsed) },
  ]
    .filter(({ expected, found }) => expected !== found)
    .map((difference) => ({ subject, ...difference }));
}
