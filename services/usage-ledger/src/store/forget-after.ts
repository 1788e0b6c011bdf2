import type { Mongo } from '@omg/mongo';
import { MongoServerError, type IndexDirection } from 'mongodb';

const INDEX_OPTIONS_CONFLICT = 85;

/** The server forgets what is older, by the time in the field; another time than before takes its place. */
export async function forgetAfter(
  { db }: Mongo,
  collection: string,
  keyPattern: Readonly<Record<string, IndexDirection>>,
  retentionMs: number,
): Promise<void> {
  const expireAfterSeconds = Math.ceil(retentionMs / 1_000);
  try {
    await db.collection(collection).createIndex(keyPattern, { expireAfterSeconds });
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== INDEX_OPTIONS_CONFLICT) throw error;
    await db.command({ collMod: collection, index: { keyPattern, expireAfterSeconds } });
  }
}
