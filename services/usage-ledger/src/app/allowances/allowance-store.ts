import type { QuotaAccount } from '../../domain/account-quotas.ts';
import type { ScopeOwner } from '../../domain/account-scope.ts';

export interface AllowanceStore {
  /** As the database has them now, with all that is charged; what does not exist is left out. */
  accounts: (ids: { readonly tenantIds: readonly string[]; readonly keyIds: readonly string[] }) => Promise<{
    readonly tenants: ReadonlyMap<string, QuotaAccount>;
    readonly keys: ReadonlyMap<string, Required<QuotaAccount>>;
  }>;
  /** What no budget counts any more, of accounts that have a lot of it. */
  forgetBuckets: (of: ScopeOwner, id: string, buckets: readonly string[]) => Promise<void>;
  /** Routers that may hold something of a partition, for its next owner. */
  holders: (partition: number) => Promise<readonly string[]>;
  addHolder: (partition: number, epoch: string) => Promise<void>;
  removeHolder: (partition: number, epoch: string) => Promise<void>;
  /** The highest number up to which all events of the epoch are charged. */
  chargedUpTo: (partition: number, epoch: string) => Promise<bigint>;
}
