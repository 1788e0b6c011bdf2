import { accountsV1 } from '@omg/proto-gen';
import type { AccountQuota } from '../domain/account-quotas.ts';
import type { AccountScope } from '../domain/account-scope.ts';

const KIND: Record<AccountScope['kind'], accountsV1.QuotaKind> = {
  rate: accountsV1.QuotaKind.RATE,
  credit: accountsV1.QuotaKind.CREDIT,
  budget: accountsV1.QuotaKind.BUDGET,
};

export function toQuotaScope({ name, scope, limits, hard, warnFromNanoUsd }: AccountQuota): accountsV1.QuotaScope {
  const whole = (count: number | undefined): bigint | undefined => (count === undefined ? undefined : BigInt(count));
  return {
    name,
    kind: KIND[scope.kind],
    ofKey: scope.of === 'key',
    limits: {
      requests: whole(limits.requests),
      tokens: whole(limits.tokens),
      slots: whole(limits.slots),
      nanoUsd: limits.nanoUsd,
    },
    hard,
    warnFromNanoUsd,
    bucket: scope.kind === 'budget' ? scope.bucket : '',
  };
}
