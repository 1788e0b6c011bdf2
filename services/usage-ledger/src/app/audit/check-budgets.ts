import { usd, type Finding } from '../../domain/audit/finding.ts';
import { bucketBegin, type Horizon } from '../../domain/audit/horizon.ts';
import type { AuditStore, BucketSums } from './audit-ports.ts';

/** What accounts have spent in each bucket of their budgets is what the logs that name it cost. */
export async function* checkBudgets(
  store: Pick<AuditStore, 'bucketSums'>,
  { acceptedSinceMs }: Horizon,
): AsyncIterable<Finding> {
  for await (const sums of store.bucketSums(acceptedSinceMs)) {
    const subject = `${sums.kind === 'key' ? 'client key' : 'tenant'} ${sums.id}`;
    let [checked, unknowable] = [0, 0];
    for (const bucket of bucketsOf(sums)) {
      const beginMs = bucketBegin(bucket);
      if (beginMs === undefined || beginMs < acceptedSinceMs) {
        unknowable += 1;
        continue;
      }
      checked += 1;
      const [expected, found] = [sums.logged.get(bucket) ?? 0n, sums.stored?.get(bucket) ?? 0n];
      if (expected !== found)
        yield {
          check: 'budgets',
          difference: { subject, what: `spent of ${bucket}`, expected: usd(expected), found: usd(found) },
        };
    }
    yield { check: 'budgets', checked };
    if (unknowable > 0) yield { check: 'budgets', unknowable };
  }
}

/** An account may have forgotten a bucket once it has one that begins later. */
function bucketsOf({ stored, logged }: BucketSums): Iterable<string> {
  const latestMs = Math.max(
    ...Array.from(stored?.keys() ?? [], (bucket) => bucketBegin(bucket) ?? -Infinity),
    -Infinity,
  );
  const forgotten = (bucket: string): boolean =>
    stored?.has(bucket) !== true && (bucketBegin(bucket) ?? Infinity) < latestMs;
  return new Set([...(stored?.keys() ?? []), ...logged.keys()].filter((bucket) => !forgotten(bucket)));
}
