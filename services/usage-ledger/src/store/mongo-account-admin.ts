import { OmgError } from '@omg/errors';
import { asUnavailable, isDuplicateKey, type Mongo } from '@omg/mongo';
import type { Collection, Filter, WithId } from 'mongodb';
import type {
  AccountAdminStore,
  AccountChange,
  AccountTransaction,
  ClientKeyQuery,
  PageQuery,
  RequestCharge,
  TenantQuery,
} from '../app/admin/account-store.ts';
import type { ClientKeyRecord, TenantRecord } from '../domain/account.ts';
import type { CreditEntry } from '../domain/credits.ts';
import {
  fromChangeDocument,
  fromClientKeyDocument,
  fromCreditDocument,
  fromTenantDocument,
  type ClientKeyDocument,
  type TenantDocument,
} from './account-documents.ts';
import { MongoAccountTransaction, accountCollections, type AccountCollections } from './account-transaction.ts';

interface ChargeDocument {
  readonly _id: string;
  readonly tenantId: string;
  readonly costNanoUsd: bigint;
}

/** Administers `tenants`, `client_keys`, `credit_entries` and `account_history`; reads what `request_logs` charge. */
export class MongoAccountAdmin implements AccountAdminStore {
  readonly #mongo: Mongo;
  readonly #in: AccountCollections;
  readonly #logs: Collection<ChargeDocument>;
  readonly #reads: MongoAccountTransaction;

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
    this.#in = accountCollections(mongo.db);
    this.#logs = mongo.db.collection('request_logs');
    this.#reads = new MongoAccountTransaction(this.#in);
  }

  async createIndexes(): Promise<void> {
    await this.#in.credits.createIndexes([{ key: { tenantId: 1, at: -1, _id: -1 } }]);
    await this.#in.changes.createIndexes([
      { key: { tenantId: 1, at: -1, _id: -1 } },
      { key: { tenantId: 1, clientKeyId: 1, at: -1, _id: -1 } },
    ]);
  }

  async transaction<T>(work: (transaction: AccountTransaction) => Promise<T>): Promise<T> {
    try {
      return await asUnavailable(
        async () =>
          await this.#mongo.transaction(async (session) => await work(new MongoAccountTransaction(this.#in, session))),
      );
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      // without the key that the server quotes: it may be a digest
      throw new OmgError('already_exists', 'there is something of this name already', { cause: error });
    }
  }

  async tenant(id: string): Promise<TenantRecord | undefined> {
    return await asUnavailable(async () => await this.#reads.tenant(id));
  }

  async clientKey(id: string): Promise<ClientKeyRecord | undefined> {
    return await asUnavailable(async () => await this.#reads.clientKey(id));
  }

  async credit(id: string): Promise<CreditEntry | undefined> {
    return await asUnavailable(async () => await this.#reads.credit(id));
  }

  async secretOf(digest: Uint8Array): Promise<{ readonly clientKeyId: string } | undefined> {
    return await asUnavailable(async () => await this.#reads.secretOf(digest));
  }

  async secretOfFile(clientKeyId: string): Promise<Uint8Array | undefined> {
    return await asUnavailable(async () => await this.#reads.secretOfFile(clientKeyId));
  }

  async tenants({ limit, after, search, type, status }: TenantQuery): Promise<readonly TenantRecord[]> {
    const filter: Filter<TenantDocument> = {
      ...(type === undefined ? {} : { type }),
      ...(status === undefined ? {} : { status }),
      $and: [afterId(after), namedLike(search)],
    };
    const documents = await asUnavailable(
      async () => await this.#in.tenants.find(filter, { sort: { _id: 1 }, limit }).toArray(),
    );
    return documents.map(fromTenantDocument);
  }

  async tenantsOf(ids: readonly string[]): Promise<readonly TenantRecord[]> {
    const documents = await asUnavailable(
      async () => await this.#in.tenants.find({ _id: { $in: [...ids] } }).toArray(),
    );
    return documents.map(fromTenantDocument);
  }

  async clientKeys({ limit, after, tenantId, search, status }: ClientKeyQuery): Promise<readonly ClientKeyRecord[]> {
    const filter: Filter<ClientKeyDocument> = {
      ...(tenantId === undefined ? {} : { tenantId }),
      ...(status === undefined ? {} : { status }),
      $and: [afterId(after), namedLike(search)],
    };
    const documents = await asUnavailable(
      async () => await this.#in.keys.find(filter, { sort: { _id: 1 }, limit }).toArray(),
    );
    return documents.map(fromClientKeyDocument);
  }

  async changes(
    query: PageQuery & { readonly tenantId: string; readonly clientKeyId: string | undefined },
  ): Promise<readonly AccountChange[]> {
    const { tenantId, clientKeyId } = query;
    const scope = { tenantId, ...(clientKeyId === undefined ? {} : { clientKeyId }) };
    return (await newestFirst(this.#in.changes, scope, query)).map(fromChangeDocument);
  }

  async credits(query: PageQuery & { readonly tenantId: string }): Promise<readonly CreditEntry[]> {
    return (await newestFirst(this.#in.credits, { tenantId: query.tenantId }, query)).map(fromCreditDocument);
  }

  async charge(requestId: string): Promise<RequestCharge | undefined> {
    const document = await asUnavailable(
      async () => await this.#logs.findOne({ _id: requestId }, { projection: { tenantId: 1, costNanoUsd: 1 } }),
    );
    if (document === null) return undefined;
    return { requestId, tenantId: document.tenantId, costNanoUsd: document.costNanoUsd };
  }
}

interface Named {
  readonly _id: string;
  readonly name: string;
}

function afterId(after: string | undefined): Filter<Named> {
  return after === undefined ? {} : { _id: { $gt: after } };
}

function namedLike(search: string): Filter<Named> {
  if (search === '') return {};
  const pattern = { $regex: RegExp.escape(search), $options: 'i' };
  return { $or: [{ _id: pattern }, { name: pattern }] };
}

interface Dated {
  readonly _id: string;
  readonly at: Date;
  readonly tenantId: string;
}

async function newestFirst<Document extends Dated>(
  collection: Collection<Document>,
  scope: object,
  { limit, after }: PageQuery,
): Promise<readonly WithId<Document>[]> {
  // what is asked for is in every document of a history, which the driver's types cannot see
  const asFilter = (filter: object): Filter<Document> => filter;
  return await asUnavailable(async () => {
    const last = after === undefined ? null : await collection.findOne(asFilter({ ...scope, _id: after }));
    const before = last === null ? {} : { $or: [{ at: { $lt: last.at } }, { at: last.at, _id: { $lt: last._id } }] };
    const options = { sort: { at: -1, _id: -1 }, limit } as const;
    return await collection.find(asFilter({ ...scope, ...before }), options).toArray();
  });
}
