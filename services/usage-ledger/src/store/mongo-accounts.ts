import { OmgError } from '@omg/errors';
import { asUnavailable, isDuplicateKey, type Mongo } from '@omg/mongo';
import { Binary, type Collection } from 'mongodb';
import type { AccountStore, NewClientKey, NewTenant } from '../app/ports.ts';
import type { ClientKey, Tenant } from '../domain/account.ts';

export interface TenantDocument {
  readonly _id: string;
  readonly name: string;
  readonly type: Tenant['type'];
  readonly status: Tenant['status'];
  readonly version: bigint;
  readonly creditsNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
  readonly createdAt: Date;
}

interface ClientKeyDocument {
  readonly _id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly digest: Binary;
  readonly prefix: string;
  readonly lastFour: string;
  readonly status: ClientKey['status'];
  readonly expiresAt?: Date;
  readonly createdAt: Date;
}

/** The collections `tenants` and `client_keys`. */
export class MongoAccounts implements AccountStore {
  readonly #tenants: Collection<TenantDocument>;
  readonly #keys: Collection<ClientKeyDocument>;

  constructor({ db }: Mongo) {
    this.#tenants = db.collection('tenants');
    this.#keys = db.collection('client_keys');
  }

  async createIndexes(): Promise<void> {
    await this.#keys.createIndexes([{ key: { digest: 1 }, unique: true }, { key: { tenantId: 1 } }]);
  }

  async findByDigest(digest: Uint8Array): Promise<{ readonly tenant: Tenant; readonly key: ClientKey } | undefined> {
    const key = await asUnavailable(async () => await this.#keys.findOne({ digest: new Binary(digest) }));
    const tenantId = key?.tenantId;
    const tenant =
      tenantId === undefined ? null : await asUnavailable(async () => await this.#tenants.findOne({ _id: tenantId }));
    if (key === null || tenant === null) return undefined;
    const { _id: id, name, type, status, version } = tenant;
    return {
      tenant: { id, name, type, status, version },
      key: { id: key._id, tenantId: id, status: key.status, expiresAt: key.expiresAt },
    };
  }

  async upsertTenant({ id, name, type, creditsNanoUsd }: NewTenant): Promise<void> {
    await this.#tenants.updateOne(
      { _id: id },
      {
        $set: { name, type },
        $setOnInsert: { status: 'active', version: 1n, creditsNanoUsd, spentNanoUsd: 0n, createdAt: new Date() },
      },
      { upsert: true },
    );
  }

  async upsertKey({ id, tenantId, name, digest, prefix, lastFour }: NewClientKey): Promise<void> {
    try {
      await this.#keys.updateOne(
        { _id: id },
        {
          $set: { tenantId, name, digest: new Binary(digest), prefix, lastFour },
          $setOnInsert: { status: 'enabled', createdAt: new Date() },
        },
        { upsert: true },
      );
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      throw new OmgError('already_exists', `the client key that ${id} is to be belongs to another id`, {
        cause: error,
      });
    }
  }
}
