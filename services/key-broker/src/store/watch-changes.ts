import { setTimeout as wait } from 'node:timers/promises';
import type { Mongo } from '@omg/mongo';
import type { ChangeStream, ChangeStreamDocument } from 'mongodb';
import { poolCollections } from './pool-collections.ts';

export interface WatchOptions {
  readonly mongo: Mongo;
  readonly providers: readonly string[];
  /** Something in this pool, or in the proxies, may have changed; many changes are told at once. */
  readonly onChange: (what: string) => void;
  /** It goes on by itself. */
  readonly onError: (error: unknown) => void;
}

/** What `onChange` calls the proxies. */
export const PROXIES = 'proxies';

const GATHER_MS = 20;
/** Opening and closing take up to so long. */
const AWAIT_MS = 250;
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 5_000;

/**
 * Tells of changes that somebody made in the database directly, through one change stream. Whenever it was opened, also
 * at first, everything counts as changed. What the pools write of states, use and health by themselves is not told.
 */
export function watchChanges(options: WatchOptions): AsyncDisposable {
  const watch = new Watch(options);
  const running = watch.run();
  return {
    async [Symbol.asyncDispose]() {
      await watch.stop();
      await running;
    },
  };
}

class Watch {
  readonly #options: WatchOptions;
  readonly #nameOf: ReadonlyMap<string, string>;
  readonly #stopped = new AbortController();
  readonly #gathered = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #stream: ChangeStream | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { db } = options.mongo;
    this.#nameOf = new Map([
      [PROXIES, PROXIES],
      ...options.providers.flatMap((provider) => {
        const { keys, bindings, backups } = poolCollections(db, provider);
        return [keys, bindings, backups].map(({ collectionName }) => [collectionName, provider] as const);
      }),
    ]);
  }

  async run(): Promise<void> {
    const { signal } = this.#stopped;
    let waitMs = FIRST_WAIT_MS;
    while (!signal.aborted) {
      try {
        await this.#follow(() => {
          waitMs = FIRST_WAIT_MS;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#options.onError(error);
      }
      await wait(waitMs, undefined, { signal }).catch(() => undefined);
      waitMs = Math.min(2 * waitMs, MAX_WAIT_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    await this.#stream?.close();
  }

  /** Until the stream breaks in a way that the driver cannot mend. */
  async #follow(onOpen: () => void): Promise<void> {
    const collections = [...this.#nameOf.keys()];
    await using stream = this.#options.mongo.db.watch(pipelineFor(collections), { maxAwaitTimeMS: AWAIT_MS });
    this.#stream = stream;
    if (this.#stopped.signal.aborted) return;
    // the first call opens it: what happens from here on is seen
    this.#take(await stream.tryNext());
    onOpen();
    for (const name of this.#nameOf.values()) this.#tell(name);
    for await (const change of stream) this.#take(change);
  }

  #take(change: ChangeStreamDocument | null): void {
    const collection = change !== null && 'ns' in change && 'coll' in change.ns ? change.ns.coll : undefined;
    const name = collection === undefined ? undefined : this.#nameOf.get(collection);
    if (name !== undefined) this.#tell(name);
  }

  #tell(name: string): void {
    this.#gathered.add(name);
    if (this.#stopped.signal.aborted) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const names = [...this.#gathered];
      this.#gathered.clear();
      for (const one of names) this.#options.onChange(one);
    }, GATHER_MS);
  }
}

/** Updates that change the field `broker` are this system's own. */
function pipelineFor(collections: readonly string[]): object[] {
  const names = { $map: { input: { $objectToArray: '$updateDescription.updatedFields' }, in: '$$this.k' } };
  const isOwn = {
    $anyElementTrue: { $map: { input: names, in: { $regexMatch: { input: '$$this', regex: /^broker(\.|$)/ } } } },
  };
  return [
    { $match: { 'ns.coll': { $in: collections } } },
    { $match: { $or: [{ operationType: { $ne: 'update' } }, { $expr: { $not: [isOwn] } }] } },
  ];
}
