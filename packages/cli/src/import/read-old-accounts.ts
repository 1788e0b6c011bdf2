import type { MongoClient } from 'mongodb';
import { CommandFailure } from '../failures.ts';
import { RowFault } from './row-fault.ts';
import {
  textOf,
  toImportedAccount,
  usernameOf,
  type OldFields,
  type OldKey,
  type OldUser,
} from './to-imported-account.ts';
import type { accountsAdminV1 } from '@omg/proto-gen';

export interface OldSystem {
  readonly url: string;
  /** Else that of the URL. */
  readonly database: string | undefined;
  readonly usersCollection: string;
  readonly keysCollection: string;
  readonly fields: OldFields;
  readonly signal: AbortSignal;
}

/** What a user becomes, or why it cannot. */
export type OldAccount =
  | { readonly id: string; readonly account: accountsAdminV1.ImportedAccount }
  | { readonly id: string; readonly fault: string };

/** As many as usage-ledger takes in a call. */
const CHUNK_SIZE = 500;
const TIMEOUT_MS = 5_000;

/** The accounts of the system that this one replaces, in the order of their ids; only reads. */
export async function* readOldAccounts(system: OldSystem): AsyncIterable<readonly OldAccount[]> {
  const { usersCollection, keysCollection, signal } = system;
  await using client = await connect(system.url);
  const db = client.db(system.database);
  const collections = (await db.listCollections({}, { nameOnly: true, signal }).toArray()).map(({ name }) => name);
  if (!collections.includes(usersCollection)) {
    const found = collections.length === 0 ? 'it has none' : `it has ${collections.toSorted().join(', ')}`;
    throw new CommandFailure(`${db.databaseName} has no collection ${usersCollection}: ${found} (--users, --database)`);
  }
  const toAccounts = async (users: readonly OldUser[]): Promise<readonly OldAccount[]> => {
    const names = users.flatMap((user) => [user._id, usernameOf(user)]);
    const owned = { $or: [{ userId: { $in: names } }, { username: { $in: names } }] };
    const keys = collections.includes(keysCollection)
      ? await db.collection<OldKey>(keysCollection).find(owned, { signal }).toArray()
      : [];
    return users.map((user) => toOldAccount(user, keys, system.fields));
  };
  let users: OldUser[] = [];
  for await (const user of db.collection<OldUser>(usersCollection).find({}, { sort: { _id: 1 }, signal })) {
    users.push(user);
    if (users.length < CHUNK_SIZE) continue;
    yield await toAccounts(users);
    users = [];
  }
  if (users.length > 0) yield await toAccounts(users);
}

function toOldAccount(user: OldUser, keys: readonly OldKey[], fields: OldFields): OldAccount {
  const id = usernameOf(user);
  const names = new Set([id, textOf(user._id)]);
  const own = keys.filter(({ userId, username }) => names.has(textOf(userId ?? username)));
  try {
    return {
      id,
      account: toImportedAccount(user, own, fields),
    };
  } catch (error) {
    if (error instanceof RowFault) return { id, fault: error.message };
    throw error;
  }
}

/** Loaded only here: no other command needs a database. */
async function connect(url: string): Promise<MongoClient> {
  const mongodb = await import('mongodb');
  try {
    const client = new mongodb.MongoClient(url, {
      appName: 'omg import',
      serverSelectionTimeoutMS: TIMEOUT_MS,
      socketTimeoutMS: TIMEOUT_MS,
      readPreference: 'secondaryPreferred',
    });
    return await client.connect();
  } catch (error) {
    // the driver may quote the URL, which holds a password
    throw new CommandFailure('the old database cannot be reached: is the URL right, and the server running?', {
      cause: error,
    });
  }
}
