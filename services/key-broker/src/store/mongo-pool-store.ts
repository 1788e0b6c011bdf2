import { OmgError } from '@omg/errors';
import { asUnavailable, type Mongo, type Owned } from '@omg/mongo';
import type { AddOptions, By, LineResult, NewBackup, NewKey, OwnedPoolStore } from '../app/pool-store.ts';
import { KEY_STATE_DEFAULTS, type KeyStateConfig } from '../domain/key-state-config.ts';
import { addBackups } from './administer-backups.ts';
import { addKeys } from './administer-keys.ts';
import { syncEnvironmentKeys } from './environment-keys.ts';
import { ownedPoolStore } from './owned-pool-store.ts';
import { poolCollections, type StoredDocument } from './pool-collections.ts';
import type { OnFaulty, PoolContext } from './pool-context.ts';
import { SEALED, type SecretBox } from './secret-box.ts';
import { openSecret } from './stored-key.ts';

export interface MongoPoolStoreOptions {
  readonly mongo: Mongo;
  readonly provider: string;
  /** All of them: proxies are common to their pools. */
  readonly providers: readonly string[];
  /** What is written is sealed; plain values, which older systems wrote, are read. */
  readonly box: SecretBox;
  readonly onFaulty: OnFaulty;
  /** The waits of states that somebody sets by hand without saying until when. */
  readonly config?: KeyStateConfig;
  readonly nowMs?: () => number;
  /** The collection of fences. */
  readonly fences?: string;
}

/** A provider's pool in MongoDB. */
export class MongoPoolStore {
  readonly #context: PoolContext;
  readonly #fences: string;

  constructor(options: MongoPoolStoreOptions) {
    const { mongo, config = KEY_STATE_DEFAULTS, nowMs = Date.now, fences = 'fences', ...rest } = options;
    this.#fences = fences;
    this.#context = {
      ...rest,
      config,
      nowMs,
      db: mongo.db,
      collections: poolCollections(mongo.db, options.provider),
      transaction: async (work) => await asUnavailable(async () => await mongo.transaction(work)),
    };
  }

  /** The store as only the pool's owner may use it. */
  forOwner(owned: Owned): OwnedPoolStore {
    return ownedPoolStore({
      context: {
        ...this.#context,
        transaction: async (work) => await asUnavailable(async () => await owned.transaction(work)),
      },
      fence: owned.fence,
      fences: this.#context.db.collection<StoredDocument>(this.#fences),
    });
  }

  /** Makes the keys that came from the environment exactly these, and leaves all others alone; any process may. */
  async syncEnvironmentKeys(secrets: readonly string[]): Promise<void> {
    await syncEnvironmentKeys(this.#context, secrets);
  }

  /** Throws where what is stored was sealed with keys that are not these: what they would seal, nobody could open. */
  async checkBox(): Promise<void> {
    const { keys, backups } = this.#context.collections;
    for (const documents of [keys, backups]) {
      const sealed = await documents.findOne({ apiKey: SEALED }, { sort: { createdAt: -1 } });
      const opened = sealed === null ? '' : openSecret(String(sealed['apiKey']), this.#context.box);
      if (typeof opened !== 'string')
        throw new OmgError('failed_precondition', `what is stored cannot be opened: ${opened.fault}`);
    }
  }

  /** As the owner does it, by any process: the owner hears of new documents from the change stream. */
  async importKeys(keys: readonly NewKey[], by: By & AddOptions): Promise<readonly LineResult[]> {
    return await addKeys(this.#context, keys, by);
  }

  async importBackups(backups: readonly NewBackup[], by: By & AddOptions): Promise<readonly LineResult[]> {
    return await addBackups(this.#context, backups, by);
  }
}
