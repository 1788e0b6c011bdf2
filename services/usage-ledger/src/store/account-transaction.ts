import type { ClientSession, Collection, Db, UpdateFilter } from 'mongodb';
import type {
  AccountChange,
  AccountTransaction,
  ClientKeyFields,
  NewClientKeyRecord,
  NewTenantRecord,
  SecretChange,
  StoredSecret,
  TenantFields,
} from '../app/admin/account-store.ts';
import type { ClientKeyRecord, TenantRecord } from '../domain/account.ts';
import { earlierSecretsAfter } from '../domain/client-key-terms.ts';
import { balanceOf, type CreditEntry } from '../domain/credits.ts';
import {
  fromClientKeyDocument,
  fromCreditDocument,
  fromTenantDocument,
  toBinary,
  type ChangeDocument,
  type ClientKeyDocument,
  type CreditDocument,
  type EarlierSecretDocument,
  type TenantDocument,
} from './account-documents.ts';

const PURSE_FIELD = { credits: 'creditsNanoUsd', refCredits: 'refCreditsNanoUsd' } as const;

export interface AccountCollections {
  readonly tenants: Collection<TenantDocument>;
  readonly keys: Collection<ClientKeyDocument>;
  readonly credits: Collection<CreditDocument>;
  readonly changes: Collection<ChangeDocument>;
}

export function accountCollections(db: Db): AccountCollections {
  return {
    tenants: db.collection('tenants'),
    keys: db.collection('client_keys'),
    credits: db.collection('credit_entries'),
    changes: db.collection('account_history'),
  };
}

/** What is read and written of accounts in a session; without one each by itself. */
export class MongoAccountTransaction implements AccountTransaction {
  readonly #in: AccountCollections;
  readonly #options: { readonly session?: ClientSession };

  constructor(collections: AccountCollections, session?: ClientSession) {
    this.#in = collections;
    this.#options = session === undefined ? {} : { session };
  }

  async tenant(id: string): Promise<TenantRecord | undefined> {
    const document = await this.#in.tenants.findOne({ _id: id }, this.#options);
    return document === null ? undefined : fromTenantDocument(document);
  }

  async clientKey(id: string): Promise<ClientKeyRecord | undefined> {
    const document = await this.#in.keys.findOne({ _id: id }, this.#options);
    return document === null ? undefined : fromClientKeyDocument(document);
  }

  async credit(id: string): Promise<CreditEntry | undefined> {
    const document = await this.#in.credits.findOne({ _id: id }, this.#options);
    return document === null ? undefined : fromCreditDocument(document);
  }

  async secretOf(digest: Uint8Array): Promise<{ readonly clientKeyId: string } | undefined> {
    const wanted = toBinary(digest);
    const document = await this.#in.keys.findOne(
      { $or: [{ digest: wanted }, { 'earlier.digest': wanted }] },
      this.#options,
    );
    return document === null ? undefined : { clientKeyId: document._id };
  }

  async secretOfFile(clientKeyId: string): Promise<Uint8Array | undefined> {
    return (await this.#in.keys.findOne({ _id: clientKeyId }, this.#options))?.fileDigest?.buffer;
  }

  async raiseVersion(tenantId: string): Promise<TenantRecord | undefined> {
    return await this.#changeTenant(tenantId, { $inc: { version: 1n } });
  }

  async insertTenant({ id, limits, budget, origin, ...tenant }: NewTenantRecord): Promise<void> {
    await this.#in.tenants.insertOne(
      {
        _id: id,
        ...tenant,
        version: 1n,
        creditsNanoUsd: 0n,
        refCreditsNanoUsd: 0n,
        spentNanoUsd: 0n,
        limits,
        ...(budget === undefined ? {} : { budget }),
        ...(origin === undefined ? {} : { origin }),
      },
      this.#options,
    );
  }

  async setTenant(id: string, fields: TenantFields): Promise<void> {
    if (Object.keys(fields).length > 0) await this.#in.tenants.updateOne({ _id: id }, toUpdate(fields), this.#options);
  }

  async insertKey({ id, secret, isOfFile = false, expiresAt, budget, ...key }: NewClientKeyRecord): Promise<void> {
    const digest = toBinary(secret.digest);
    await this.#in.keys.insertOne(
      {
        _id: id,
        ...key,
        digest,
        prefix: secret.prefix,
        lastFour: secret.lastFour,
        ...(isOfFile ? { fileDigest: digest } : {}),
        ...(expiresAt === undefined ? {} : { expiresAt }),
        ...(budget === undefined ? {} : { budget }),
      },
      this.#options,
    );
  }

  async setKey(id: string, fields: ClientKeyFields): Promise<void> {
    if (Object.keys(fields).length > 0) await this.#in.keys.updateOne({ _id: id }, toUpdate(fields), this.#options);
  }

  async setSecret(id: string, { digest, prefix, lastFour }: StoredSecret, change: SecretChange): Promise<void> {
    const before = await this.#in.keys.findOne({ _id: id }, this.#options);
    if (before === null) return;
    const replaced = { digest: before.digest, prefix: before.prefix, lastFour: before.lastFour };
    const earlier: readonly EarlierSecretDocument[] =
      change === 'of file' ? [] : earlierSecretsAfter(before.earlier ?? [], replaced, change);
    const stored = toBinary(digest);
    const $set = { digest: stored, prefix, lastFour, earlier, ...(change === 'of file' ? { fileDigest: stored } : {}) };
    await this.#in.keys.updateOne({ _id: id }, { $set }, this.#options);
  }

  async addCredit({ id, requestId, ...entry }: Omit<CreditEntry, 'balanceNanoUsd'>): Promise<CreditEntry> {
    const tenant = await this.#changeTenant(entry.tenantId, { $inc: { [PURSE_FIELD[entry.purse]]: entry.nanoUsd } });
    if (tenant === undefined) throw new RangeError(`there is no tenant ${entry.tenantId}`);
    const balanceNanoUsd = balanceOf(tenant.purses);
    await this.#in.credits.insertOne(
      { _id: id, ...entry, balanceNanoUsd, ...(requestId === undefined ? {} : { requestId }) },
      this.#options,
    );
    return { id, ...entry, requestId, balanceNanoUsd };
  }

  async note({ id, clientKeyId, ...change }: AccountChange): Promise<void> {
    const document = { _id: id, ...change, ...(clientKeyId === undefined ? {} : { clientKeyId }) };
    await this.#in.changes.insertOne(document, this.#options);
  }

  async #changeTenant(id: string, update: UpdateFilter<TenantDocument>): Promise<TenantRecord | undefined> {
    const options = { ...this.#options, returnDocument: 'after' } as const;
    const document = await this.#in.tenants.findOneAndUpdate({ _id: id }, update, options);
    return document === null ? undefined : fromTenantDocument(document);
  }
}

/** Undefined members are taken away. */
function toUpdate(fields: object): { readonly $set?: object; readonly $unset?: Record<string, 1> } {
  const gone = Object.entries(fields).filter(([, value]) => value === undefined);
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  return {
    ...(set.length === 0 ? {} : { $set: Object.fromEntries(set) }),
    ...(gone.length === 0 ? {} : { $unset: Object.fromEntries(gone.map(([name]) => [name, 1] as const)) }),
  };
}
