import { asUnavailable, type Mongo } from '@omg/mongo';
import type { Collection } from 'mongodb';
import type { AccountStore, FoundKey } from '../app/ports.ts';
import {
  fromClientKeyDocument,
  fromTenantDocument,
  toBinary,
  type ClientKeyDocument,
  type TenantDocument,
} from './account-documents.ts';

export type { TenantDocument } from './account-documents.ts';

/** Reads the collections `tenants` and `client_keys` for routers. */
export class MongoAccounts implements AccountStore {
  readonly #tenants: Collection<TenantDocument>;
  readonly #keys: Collection<ClientKeyDocument>;

  constructor({ db }: Mongo) {
    this.#tenants = db.collection('tenants');
    this.#keys = db.collection('client_keys');
  }

  async createIndexes(): Promise<void> {
    await this.#keys.createIndexes([
      { key: { digest: 1 }, unique: true },
      { key: { 'earlier.digest': 1 } },
      { key: { tenantId: 1, _id: 1 } },
    ]);
  }

  async findByDigest(digest: Uint8Array): Promise<FoundKey | undefined> {
    const wanted = toBinary(digest);
    const key = await asUnavailable(
      async () =>
        (await this.#keys.findOne({ digest: wanted })) ?? (await this.#keys.findOne({ 'earlier.digest': wanted })),
    );
    const tenantId = key?.tenantId;
    const tenant =
      tenantId === undefined ? null : await asUnavailable(async () => await this.#tenants.findOne({ _id: tenantId }));
    if (key === null || tenant === null) return undefined;
    const secretEndsAt = key.earlier?.find((secret) => Buffer.compare(secret.digest.buffer, digest) === 0)?.endsAt;
    return { tenant: fromTenantDocument(tenant), key: { ...fromClientKeyDocument(key), secretEndsAt } };
  }
}
