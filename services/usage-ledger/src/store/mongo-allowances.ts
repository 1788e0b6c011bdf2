import { asUnavailable, type Mongo } from '@omg/mongo';
import type { Collection } from 'mongodb';
import type { AllowanceStore } from '../app/allowances/allowance-store.ts';
import type { QuotaAccount } from '../domain/account-quotas.ts';
import type { ScopeOwner } from '../domain/account-scope.ts';
import {
  fromClientKeyDocument,
  fromTenantDocument,
  type ClientKeyDocument,
  type TenantDocument,
} from './account-documents.ts';
import type { MongoBooks } from './mongo-books.ts';

interface HolderDocument {
  /** `<partition>/<epoch>` */
  readonly _id: string;
  readonly partition: number;
  readonly epoch: string;
  readonly at: Date;
}

/** What owners of account partitions read: `tenants` and `client_keys`; and keep: `known_holders`. */
export class MongoAllowances implements AllowanceStore {
  readonly #tenants: Collection<TenantDocument>;
  readonly #keys: Collection<ClientKeyDocument>;
  readonly #holders: Collection<HolderDocument>;
  readonly #books: Pick<MongoBooks, 'marks'>;

  constructor({ db }: Mongo, books: Pick<MongoBooks, 'marks'>) {
    this.#tenants = db.collection('tenants');
    this.#keys = db.collection('client_keys');
    this.#holders = db.collection('known_holders');
    this.#books = books;
  }

  async createIndexes(): Promise<void> {
    await this.#holders.createIndexes([{ key: { partition: 1 } }]);
  }

  async accounts({
    tenantIds,
    keyIds,
  }: {
    readonly tenantIds: readonly string[];
    readonly keyIds: readonly string[];
  }): ReturnType<AllowanceStore['accounts']> {
    return await asUnavailable(async () => {
      const keys = keyIds.length === 0 ? [] : await this.#keys.find({ _id: { $in: [...keyIds] } }).toArray();
      const ids = new Set([...tenantIds, ...keys.map(({ tenantId }) => tenantId)]);
      const documents = await this.#tenants.find({ _id: { $in: [...ids] } }).toArray();
      const tenants = new Map(documents.map((document) => [document._id, { tenant: fromTenantDocument(document) }]));
      return {
        tenants,
        keys: new Map(
          keys.flatMap((key): [string, Required<QuotaAccount>][] => {
            const tenant = tenants.get(key.tenantId);
            if (tenant === undefined) return [];
            return [[key._id, { ...tenant, key: fromClientKeyDocument(key) }]];
          }),
        ),
      };
    });
  }

  async forgetBuckets(of: ScopeOwner, id: string, buckets: readonly string[]): Promise<void> {
    const $unset = Object.fromEntries(buckets.map((bucket) => [`spentBy.${bucket}`, 1] as const));
    await asUnavailable(async () => {
      if (of === 'tenant') await this.#tenants.updateOne({ _id: id }, { $unset });
      else await this.#keys.updateOne({ _id: id }, { $unset });
    });
  }

  async holders(partition: number): Promise<readonly string[]> {
    const documents = await asUnavailable(async () => await this.#holders.find({ partition }).toArray());
    return documents.map(({ epoch }) => epoch);
  }

  async addHolder(partition: number, epoch: string): Promise<void> {
    await asUnavailable(
      async () =>
        await this.#holders.updateOne(
          { _id: `${partition}/${epoch}` },
          { $set: { partition, epoch, at: new Date() } },
          { upsert: true },
        ),
    );
  }

  async removeHolder(partition: number, epoch: string): Promise<void> {
    await asUnavailable(async () => await this.#holders.deleteOne({ _id: `${partition}/${epoch}` }));
  }

  async chargedUpTo(partition: number, epoch: string): Promise<bigint> {
    return (await this.#books.marks(partition, [epoch])).get(epoch)?.upTo ?? 0n;
  }
}
