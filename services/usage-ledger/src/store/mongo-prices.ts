import type { Mongo } from '@omg/mongo';
import type { Collection } from 'mongodb';
import type { PriceStore } from '../app/ports.ts';
import type { Price } from '@omg/pricing';
import type { PriceVersion } from '../domain/price-book.ts';

interface PriceDocument {
  readonly _id: string;
  readonly site: string;
  readonly model: string;
  readonly validFrom: Date;
  readonly price: Price;
}

/** The collection `prices`: versions are appended and never changed. */
export class MongoPrices implements PriceStore {
  readonly #prices: Collection<PriceDocument>;

  constructor({ db }: Mongo) {
    this.#prices = db.collection('prices');
  }

  async all(): Promise<readonly PriceVersion[]> {
    const documents = await this.#prices.find({}).toArray();
    return documents.map(({ _id, ...version }) => ({ version: _id, ...version }));
  }

  async append(versions: readonly PriceVersion[]): Promise<void> {
    if (versions.length === 0) return;
    await this.#prices.bulkWrite(
      versions.map(({ version, ...document }) => ({
        updateOne: { filter: { _id: version }, update: { $setOnInsert: document }, upsert: true },
      })),
    );
  }
}
