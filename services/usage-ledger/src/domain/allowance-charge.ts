import type { Charge } from '@omg/quota';
import { scopeName } from './account-scope.ts';
import type { UsageRecord } from './usage-record.ts';

/** What a charge means to the quotas by which the request was admitted. */
export function toQuotaCharge(
  record: UsageRecord,
  { costNanoUsd, upTo }: { readonly costNanoUsd: bigint; readonly upTo: bigint },
): Charge {
  const { tenantId, clientKeyId, site, allowance } = record;
  const money = allowance?.money ?? [];
  const cost = Number(costNanoUsd);
  const rates = { slots: 1, tokens: allowance?.tokens ?? 0 };
  const isCredit = (of: string): boolean => of === 'credit';
  return {
    epoch: record.epoch,
    event: Number(record.number),
    upTo: Number(upTo),
    opened: allowance?.opened ?? 0,
    scopes: [
      ...(allowance === undefined
        ? []
        : [
            { scope: scopeName({ kind: 'rate', of: 'key', id: clientKeyId, site }), reserved: rates, costNanoUsd: 0 },
            { scope: scopeName({ kind: 'rate', of: 'tenant', id: tenantId, site }), reserved: rates, costNanoUsd: 0 },
          ]),
      {
        scope: scopeName({ kind: 'credit', of: 'tenant', id: tenantId }),
        reserved: { nanoUsd: money.find(({ of }) => isCredit(of))?.nanoUsd ?? 0 },
        costNanoUsd: cost,
      },
      ...money
        .filter(({ of }) => !isCredit(of))
        .map(({ of, bucket, nanoUsd }) => ({
          scope: scopeName(
            of === 'key_budget'
              ? { kind: 'budget', of: 'key', id: clientKeyId, bucket }
              : { kind: 'budget', of: 'tenant', id: tenantId, bucket },
          ),
          reserved: { nanoUsd },
          costNanoUsd: cost,
        })),
    ],
  };
}
