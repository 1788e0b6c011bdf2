import type { Mongo } from '@omg/mongo';
import type { Collection } from 'mongodb';
import type { KeyStore } from '../app/ports.ts';
import type { UpstreamKey } from '../domain/upstream-key.ts';
import { parseKeyDocument } from './key-document.ts';

interface KeyCollectionDocument {
  readonly _id: string;
  readonly apiKey?: string;
}

/** The collections `<provider>_keys`. */
export class MongoKeyStore implements KeyStore {
  readonly #mongo: Mongo;
  readonly #onFaulty: (collection: string, id: string, fault: string) => void;

  /** A document that cannot be read costs the pool that key, not the pool; `onFaulty` is told. */
  constructor(mongo: Mongo, onFaulty: (collection: string, id: string, fault: string) => void) {
    this.#mongo = mongo;
    this.#onFaulty = onFaulty;
  }

  async createIndexes(providers: readonly string[]): Promise<void> {
    await Promise.all(
      providers.map(
        async (provider) =>
          await this.#keys(provider).createIndexes([
            { key: { status: 1 } },
            { key: { cooldownUntil: 1 } },
            { key: { createdAt: 1 } },
          ]),
      ),
    );
  }

  async list(provider: string): Promise<readonly UpstreamKey[]> {
    const keys = this.#keys(provider);
    const documents = await keys.find({}, { sort: { _id: 1 } }).toArray();
    return documents.flatMap((document) => {
      const key = parseKeyDocument(document);
      if (!('fault' in key)) return [key];
      this.#onFaulty(keys.collectionName, document._id, key.fault);
      return [];
    });
  }

  async syncEnvironmentKeys(provider: string, secrets: readonly string[]): Promise<void> {
    const keys = this.#keys(provider);
    const ids = secrets.map((_, index) => `env-${index + 1}`);
    // another secret is another key: nothing that is known of the one before holds for it
    const others = secrets.map((apiKey, index) => ({ _id: ids[index] ?? '', apiKey: { $ne: apiKey } }));
    await keys.deleteMany({ fromEnvironment: true, $or: [{ _id: { $nin: ids } }, ...others] });
    if (ids.length === 0) return;
    await keys.bulkWrite(
      secrets.map((apiKey, index) => ({
        updateOne: {
          filter: { _id: ids[index] ?? '' },
          update: {
            $setOnInsert: {
              apiKey,
              fromEnvironment: true,
              status: 'healthy',
              isEnabled: true,
              tokensUsed: 0,
              requestsCount: 0,
              createdAt: new Date(),
            },
          },
          upsert: true,
        },
      })),
    );
  }

  #keys(provider: string): Collection<KeyCollectionDocument> {
    return this.#mongo.db.collection(`${provider}_keys`);
  }
}
