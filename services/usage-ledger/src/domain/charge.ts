import { costNanoUsd, type Price } from './price.ts';
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

export interface ChargePlan {
  readonly charged: readonly ChargedRequest[];
  readonly entries: readonly Entry[];
  readonly refused: readonly RefusedRecord[];
}

/** A record that cannot be charged, and why. */
export interface RefusedRecord {
  readonly record: UsageRecord;
  readonly reason: string;
}

export interface ChargeInput {
  readonly records: readonly UsageRecord[];
  /** Ids that are in the books already. */
  readonly known: ReadonlySet<string>;
  /** Accounts that exist; those of internal services come into being when they are charged. */
  readonly tenants: ReadonlySet<string>;
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
  for (const record of input.records) {
    if (seen.has(record.requestId)) continue;
    seen.add(record.requestId);
    if (!input.tenants.has(record.tenantId) && serviceOfAccount(record.tenantId) === undefined) {
      refused.push({ record, reason: `there is no account ${record.tenantId}` });
      continue;
    }
    const found = input.priceOf(record);
    if (found === undefined) {
      refused.push({ record, reason: `there is no price for ${record.model} on ${record.site}` });
      continue;
    }
    const entryId = entryIds.getOrInsert(record.tenantId, record.requestId);
    charged.push({
      record,
      costNanoUsd: costNanoUsd(record.tokens, found.price),
      priceVersion: found.version,
      entryId,
      chargedAt: input.now,
    });
  }
  return { charged, refused, entries: entriesOf(charged, input.now) };
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
