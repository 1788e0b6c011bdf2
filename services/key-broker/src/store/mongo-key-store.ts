import type { Mongo } from '@omg/mongo';
import type { Collection } from 'mongodb';
import type { KeyStore } from '../app/ports.ts';
import type { UpstreamKey } from '../domain/upstream-key.ts';
import { parseKeyDocument } from './key-document.ts';
import type { SecretBox } from './secret-box.ts';

export interface MongoKeyStoreOptions {
  readonly mongo: Mongo;
  /** What is written is sealed; plain values, which older systems wrote, are read. */
  readonly box: SecretBox;
  /** A document that cannot be read costs the pool that key, not the pool. */
  readonly onFaulty: (collection: string, id: string, fault: string) => void;
}

interface KeyCollectionDocument {
  readonly _id: string;
  readonly apiKey?: string;
}

/** The collections `<provider>_keys`. */
export class MongoKeyStore implements KeyStore {
  readonly #options: MongoKeyStoreOptions;

  constructor(options: MongoKeyStoreOptions) {
    this.#options = options;
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
      const key = parseKeyDocument(document, this.#options.box);
      if (!('fault' in key)) return [key];
      this.#options.onFaulty(keys.collectionName, document._id, key.fault);
      return [];
    });
  }

  async syncEnvironmentKeys(provider: string, secrets: readonly string[]): Promise<void> {
    const keys = this.#keys(provider);
    const ids = secrets.map((_, index) => `env-${index + 1}`);
    const stored = await keys.find({ fromEnvironment: true }).toArray();
    // another secret is another key: nothing that is known of the one before holds for it
    const others = stored.filter(({ _id, apiKey }) => this.#opened(apiKey) !== secrets[ids.indexOf(_id)]);
    await keys.deleteMany({ fromEnvironment: true, _id: { $in: others.map(({ _id }) => _id) } });
    if (ids.length === 0) return;
    await keys.bulkWrite(
      secrets.map((apiKey, index) => ({
        updateOne: {
          filter: { _id: ids[index] ?? '' },
          update: {
            $setOnInsert: {
              apiKey: this.#options.box.seal(apiKey),
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
    return this.#options.mongo.db.collection(`${provider}_keys`);
  }

  /** Undefined where it cannot be opened: then it is none of those that are wanted. */
  #opened(apiKey: string | undefined): string | undefined {
    try {
      return apiKey === undefined ? undefined : this.#options.box.open(apiKey);
    } catch {
      return undefined;
    }
  }
}
