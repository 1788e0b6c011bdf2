import { costNanoUsd, type Price } from '@omg/pricing';
import { spendingBucket } from './budget-bucket.ts';
import { creditTypeOf, EMPTY_PURSES, type Purses } from './credits.ts';
import { GUARD_HORIZON_DAYS, isBeyondGuard } from './guard-horizon.ts';
import { serviceOfAccount } from './service-account.ts';
import type { ChargedRequest, UsageRecord } from './usage-record.ts';

/** One line in an account's books: what all requests of one batch cost it. */
export interface Entry {
  readonly id: string;
  readonly tenantId: string;
  readonly nanoUsd: bigint;
  readonly requests: number;
  readonly at: Date;
}

/** An event that cannot be charged, kept whole until somebody has seen to it. */
export interface DeadLetter {
  readonly id: string;
  readonly reason: string;
  readonly payload: Uint8Array;
}

/** What a batch adds to what was spent of a budget's bucket. */
export interface BudgetSpend {
  readonly of: 'tenant' | 'key';
  readonly id: string;
  readonly bucket: string;
  readonly nanoUsd: bigint;
}

export interface ChargePlan {
  readonly charged: readonly ChargedRequest[];
  readonly entries: readonly Entry[];
  readonly budgets: readonly BudgetSpend[];
  readonly refused: readonly RefusedRecord[];
}

/** A record that cannot be charged, and why. */
export interface RefusedRecord {
  readonly record: UsageRecord;
  readonly reason: string;
  readonly unpriced?: true;
}

export interface ChargeInput {
  readonly records: readonly UsageRecord[];
  /** Ids that are in the books already. */
  readonly known: ReadonlySet<string>;
  /** What the accounts that exist have; those of internal services come into being when they are charged. */
  readonly tenants: ReadonlyMap<string, Purses>;
  readonly priceOf: (record: UsageRecord) => { readonly version: string; readonly price: Price } | undefined;
  readonly now: Date;
}

/** What a batch of records adds to the books: each request once, however often it came. */
export function planCharge(input: ChargeInput): ChargePlan {
  const seen = new Set(input.known);
  const charged: ChargedRequest[] = [];
  // an entry is called after its first request: no request is charged twice, so no two entries are called the same
  const entryIds = new Map<string, string>();
  const refused: RefusedRecord[] = [];
  const left = new Map<string, Purses>();
  for (const record of input.records) {
    if (seen.has(record.requestId)) continue;
    seen.add(record.requestId);
    if (isBeyondGuard(record.acceptedAt, input.now)) {
      refused.push({ record, reason: `it was accepted more than ${GUARD_HORIZON_DAYS} days ago` });
      continue;
    }
    if (!input.tenants.has(record.tenantId) && serviceOfAccount(record.tenantId) === undefined) {
      refused.push({ record, reason: `there is no account ${record.tenantId}` });
      continue;
    }
    const found = input.priceOf(record);
    if (found === undefined) {
      refused.push({ record, reason: `there is no price for ${record.model} on ${record.site}`, unpriced: true });
      continue;
    }
    const entryId = entryIds.getOrInsert(record.tenantId, record.requestId);
    const cost = costNanoUsd(record.tokens, found.price);
    const purses = left.get(record.tenantId) ?? input.tenants.get(record.tenantId) ?? EMPTY_PURSES;
    left.set(record.tenantId, { ...purses, spent: purses.spent + cost });
    charged.push({
      record,
      costNanoUsd: cost,
      creditType: creditTypeOf(purses),
      priceVersion: found.version,
      entryId,
      chargedAt: input.now,
    });
  }
  return { charged, refused, entries: entriesOf(charged, input.now), budgets: budgetsOf(charged) };
}

/** The buckets that a request's cost counts in. */
export function budgetsSpentOf({ tenantId, clientKeyId, acceptedAt, allowance }: UsageRecord): readonly SpentBucket[] {
  return (allowance?.money ?? []).flatMap(({ of, bucket }): SpentBucket[] => {
    if (of === 'credit') return [];
    const owner =
      of === 'tenant_budget' ? ({ of: 'tenant', id: tenantId } as const) : ({ of: 'key', id: clientKeyId } as const);
    return [{ ...owner, bucket: spendingBucket(bucket, acceptedAt) }];
  });
}

type SpentBucket = Omit<BudgetSpend, 'nanoUsd'>;

function budgetsOf(charged: readonly ChargedRequest[]): readonly BudgetSpend[] {
  const spends = new Map<string, BudgetSpend>();
  for (const { record, costNanoUsd: cost } of charged) {
    if (cost === 0n) continue;
    for (const spent of budgetsSpentOf(record)) {
      const name = `${spent.of}|${spent.id}|${spent.bucket}`;
      spends.set(name, { ...spent, nanoUsd: (spends.get(name)?.nanoUsd ?? 0n) + cost });
    }
  }
  return [...spends.values()];
}

function entriesOf(charged: readonly ChargedRequest[], at: Date): readonly Entry[] {
  const byTenant = Map.groupBy(charged, ({ record }) => record.tenantId);
  return [...byTenant].flatMap(([tenantId, requests]) => {
    const [first] = requests;
    if (first === undefined) return [];
    const nanoUsd = requests.reduce((sum, request) => sum + request.costNanoUsd, 0n);
    return [{ id: first.entryId, tenantId, nanoUsd, requests: requests.length, at }];
  });
}
