import { connectMongo, type Mongo } from '@omg/mongo';
import { freshDatabaseName, testMongoUrl } from '@omg/testkit';
import type { ObjectId } from 'mongodb';
import type { OwnedPoolStore } from '../src/app/pool-store.ts';
import { MongoPoolStore } from '../src/store/mongo-pool-store.ts';
import { poolCollections, type PoolCollections, type StoredDocument } from '../src/store/pool-collections.ts';
import { createPoolIndexes } from '../src/store/pool-indexes.ts';
import { box, NOW, PROVIDERS, takePool, type Taken } from './store-own.ts';

export { box, NOW, PROVIDERS };

export const by = { actor: 'operator', nowMs: NOW } as const;

/** A database of its own with its pools, and who owns them. */
export interface StoreWorld extends AsyncDisposable {
  readonly mongo: Mongo;
  readonly database: string;
  readonly pool: (provider?: string) => PoolCollections;
  readonly storeOf: (provider?: string, mongo?: Mongo) => MongoPoolStore;
  /** Takes the pool, as soon as nobody else has it. */
  readonly own: (provider?: string) => Promise<OwnedPool>;
  readonly faults: readonly string[];
  readonly clock: { nowMs: number };
}

export interface OwnedPool extends Taken {
  readonly store: OwnedPoolStore;
}

export async function makeStoreWorld(): Promise<StoreWorld> {
  await using stack = new AsyncDisposableStack();
  const database = freshDatabaseName('store');
  const mongo = stack.use(await connectMongo({ url: testMongoUrl(), database, appName: 'store-test' }));
  stack.defer(async () => {
    await mongo.db.dropDatabase();
  });
  const faults: string[] = [];
  const onFaulty = (collection: string, id: string, fault: string): void =>
    void faults.push(`${collection}/${id}: ${fault}`);
  await createPoolIndexes(mongo, PROVIDERS, onFaulty);
  const clock = { nowMs: NOW };
  const storeOf = (provider = 'ohmygpt', of = mongo): MongoPoolStore =>
    new MongoPoolStore({ mongo: of, provider, providers: PROVIDERS, box, onFaulty, nowMs: () => clock.nowMs });
  const resources = stack.move();
  return {
    mongo,
    database,
    clock,
    faults,
    storeOf,
    pool: (provider = 'ohmygpt') => poolCollections(mongo.db, provider),
    async own(provider = 'ohmygpt') {
      const { owned, leave } = await takePool(mongo, provider);
      resources.defer(leave);
      return { owned, store: storeOf(provider).forOwner(owned), leave };
    },
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

export function oldBackup(name: string, change: Readonly<Record<string, unknown>> = {}): StoredDocument {
  return {
    _id: name,
    apiKey: `secret-of-${name}`,
    isUsed: false,
    activated: false,
    createdAt: new Date('2025-01-01'),
    ...change,
  };
}

export function oldProxy(id: string | ObjectId, change: Readonly<Record<string, unknown>> = {}): StoredDocument {
  return {
    _id: id,
    name: `proxy ${String(id)}`,
    type: 'http',
    host: '10.0.0.1',
    port: 8080,
    isActive: true,
    ...change,
  };
}

export function oldBinding(
  keyId: unknown,
  proxyId: unknown,
  change: Readonly<Record<string, unknown>> = {},
): StoredDocument {
  const at = new Date('2025-02-02');
  return {
    _id: `${String(keyId)}>${String(proxyId)}`,
    ohmygptKeyId: keyId,
    proxyId,
    priority: 1,
    isActive: true,
    createdAt: at,
    updatedAt: at,
    ...change,
  };
}

/** Everything in the database, as text. */
export async function textOf({ mongo }: StoreWorld): Promise<string> {
  const collections = await mongo.db.collections();
  const all = await Promise.all(collections.map(async (collection) => await collection.find().toArray()));
  return JSON.stringify(all, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
}
