import { asUnavailable, type Mongo } from '@omg/mongo';
import type { Collection } from 'mongodb';
import type { BudgetSpending } from '../app/own-account.ts';
import type { SpentBy } from '../domain/budget-bucket.ts';

interface SpendingDocument {
  readonly _id: string;
  /** Absent where nothing was charged yet. */
  readonly spentBy?: SpentBy;
}

/** What `tenants` and `client_keys` have spent of budgets. */
export class MongoBudgetSpending implements BudgetSpending {
  readonly #tenants: Collection<SpendingDocument>;
  readonly #keys: Collection<SpendingDocument>;

  constructor({ db }: Mongo) {
    this.#tenants = db.collection('tenants');
    this.#keys = db.collection('client_keys');
  }

  async ofTenant(tenantId: string): Promise<SpentBy> {
    return await spentBy(this.#tenants, tenantId);
  }

  async ofClientKey(clientKeyId: string): Promise<SpentBy> {
    return await spentBy(this.#keys, clientKeyId);
  }
}

async function spentBy(collection: Collection<SpendingDocument>, id: string): Promise<SpentBy> {
  const document = await asUnavailable(
    async () => await collection.findOne({ _id: id }, { projection: { spentBy: 1 } }),
  );
  return document?.spentBy ?? {};
}
