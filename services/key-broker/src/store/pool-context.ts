import { OmgError } from '@omg/errors';
import { isDuplicateKey } from '@omg/mongo';
import type { ClientSession, Db } from 'mongodb';
import type { StoredKey } from '../app/pool-store.ts';
import type { KeyStateConfig } from '../domain/key-state-config.ts';
import type { PoolCollections } from './pool-collections.ts';
import type { SecretBox } from './secret-box.ts';
import { readKey } from './stored-key.ts';

/** A document that cannot be read costs the pool that document, not the pool. */
export type OnFaulty = (collection: string, id: string, fault: string) => void;

/** What every operation on a pool works with. */
export interface PoolContext {
  readonly db: Db;
  readonly provider: string;
  /** All of them: proxies are common. */
  readonly providers: readonly string[];
  readonly collections: PoolCollections;
  readonly box: SecretBox;
  readonly config: KeyStateConfig;
  readonly nowMs: () => number;
  readonly onFaulty: OnFaulty;
  /** Begins again where something else was inserted meanwhile under a name that was free when it was looked for. */
  readonly transaction: <T>(work: (session: ClientSession) => Promise<T>) => Promise<T>;
}

const ATTEMPTS = 3;

/** A duplicate key ends a transaction, so what made it is done again from the start: then it is found. */
export async function againWhereDuplicate<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isDuplicateKey(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** A key that was just written or must be there. */
export function expectKey(context: PoolContext, document: unknown): StoredKey {
  const key = readKey(document, { ...context, nowMs: context.nowMs() });
  if ('fault' in key) throw new OmgError('failed_precondition', `the key cannot be read: ${key.fault}`);
  return key;
}
