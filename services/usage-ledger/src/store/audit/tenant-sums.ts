import type { ClientSession, Db } from 'mongodb';
import type { PurseSums, TenantSums } from '../../app/audit/audit-ports.ts';
import type { CreditDocument, TenantDocument } from '../account-documents.ts';
import type { EntryDocument } from '../mongo-books.ts';
import { toBigInt } from '../rollup-document.ts';
import { groupSorted, mergeSorted, type Keyed } from './merge-sorted.ts';

interface CreditSum {
  readonly _id: { readonly tenantId: string; readonly purse: CreditDocument['purse'] };
  readonly nanoUsd: unknown;
}

interface UsageSum {
  readonly _id: { readonly tenantId: string; readonly partition: number };
  readonly nanoUsd: unknown;
}

/** Of each tenant what its document, its credits and its entries say; all by id, so that few are in memory. */
export async function* readTenantSums(db: Db, session: ClientSession): AsyncIterable<TenantSums> {
  const options = { session, allowDiskUse: true };
  const sum = (by: string) => [
    { $group: { _id: { tenantId: '$tenantId', [by]: `$${by}` }, nanoUsd: { $sum: '$nanoUsd' } } },
    { $sort: { _id: 1 } },
  ];
  const tenants = db.collection<TenantDocument>('tenants').find({}, { sort: { _id: 1 }, session });
  const credits = db.collection<CreditDocument>('credit_entries').aggregate<CreditSum>(sum('purse'), options);
  const usage = db.collection<EntryDocument>('entries').aggregate<UsageSum>(sum('partition'), options);
  const ofDocuments = mergeSorted(
    keyed(tenants, ({ _id }) => _id),
    groupSorted(keyed(credits, ({ _id }) => _id.tenantId)),
  );
  const withUsage = mergeSorted(
    keyed(ofDocuments, ({ key }) => key),
    groupSorted(keyed(usage, ({ _id }) => _id.tenantId)),
  );
  for await (const { key: tenantId, left, right = [] } of withUsage) {
    const of = (purse: CreditDocument['purse']): bigint =>
      toBigInt(left?.right?.find(({ _id }) => _id.purse === purse)?.nanoUsd);
    yield {
      tenantId,
      tenant: left?.left === undefined ? undefined : toPurseSums(left.left),
      credits: { creditsNanoUsd: of('credits'), refCreditsNanoUsd: of('refCredits') },
      usageNanoUsd: new Map(right.map(({ _id, nanoUsd }) => [_id.partition, toBigInt(nanoUsd)])),
    };
  }
}

function toPurseSums({ creditsNanoUsd, refCreditsNanoUsd, spentNanoUsd }: TenantDocument): PurseSums {
  return {
    creditsNanoUsd: toBigInt(creditsNanoUsd),
    refCreditsNanoUsd: toBigInt(refCreditsNanoUsd),
    spentNanoUsd: toBigInt(spentNanoUsd),
  };
}

async function* keyed<T>(rows: AsyncIterable<T>, keyOf: (row: T) => string): AsyncIterable<Keyed<T>> {
  for await (const row of rows) yield [keyOf(row), row];
}
