import { ObjectId, type Collection, type Db } from 'mongodb';
import type { RawId } from './field-schemas.ts';

/** Whatever a document holds; fields that nobody here knows stay in it. */
export interface StoredDocument {
  readonly _id: RawId;
  readonly [field: string]: unknown;
}

export type Documents = Collection<StoredDocument>;

/** Where a provider's pool is stored. */
export interface PoolCollections {
  readonly keys: Documents;
  readonly bindings: Documents;
  /** The field of a binding that names its key. */
  readonly keyField: string;
  readonly backups: Documents;
  /** Whole documents of keys that were rotated away, as long as the rotation can be taken back. */
  readonly archive: Documents;
  /** The following are common to all pools. */
  readonly proxies: Documents;
  readonly history: Documents;
  readonly holders: Documents;
}

export function poolCollections(db: Db, provider: string): PoolCollections {
  const collection = (name: string): Documents => db.collection<StoredDocument>(name);
  return {
    keys: collection(`${provider}_keys`),
    bindings: collection(`${provider}_bindings`),
    keyField: `${provider}KeyId`,
    backups: collection(`${provider}_backup_keys`),
    archive: collection(`${provider}_archived_keys`),
    proxies: collection('proxies'),
    history: collection('key_history'),
    holders: collection('known_holders'),
  };
}

/** Finds documents by the ids that the app has of them, in whichever type they are stored. */
export function oneOf(ids: readonly string[]): { readonly $in: RawId[] } {
  return { $in: ids.flatMap(rawIds) };
}

function rawIds(id: string): RawId[] {
  const raw: RawId[] = [id];
  if (/^[0-9a-f]{24}$/.test(id)) raw.push(new ObjectId(id));
  if (/^\d{1,15}$/.test(id)) raw.push(Number(id));
  return raw;
}
