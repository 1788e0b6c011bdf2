import { followChanges, type Mongo } from '@omg/mongo';
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

/**
 * Tells of changes that somebody made in the database directly, through one change stream. Whenever it was opened, also
 * at first, everything counts as changed. What the pools write of states, use and health by themselves is not told.
 */
export function watchChanges({ mongo, providers, onChange, onError }: WatchOptions): AsyncDisposable {
  const nameOf = new Map([
    [PROXIES, PROXIES],
    ...providers.flatMap((provider) => {
      const { keys, bindings, backups } = poolCollections(mongo.db, provider);
      return [keys, bindings, backups].map(({ collectionName }) => [collectionName, provider] as const);
    }),
  ]);
  const gathered = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const tell = (name: string): void => {
    gathered.add(name);
    timer ??= setTimeout(() => {
      timer = undefined;
      const names = [...gathered];
      gathered.clear();
      for (const one of names) onChange(one);
    }, GATHER_MS);
  };
  const following = followChanges({
    mongo,
    pipeline: pipelineFor([...nameOf.keys()]),
    onOpen: () => {
      for (const name of nameOf.values()) tell(name);
    },
    onChange: (change) => {
      const collection = 'ns' in change && 'coll' in change.ns ? change.ns.coll : undefined;
      const name = collection === undefined ? undefined : nameOf.get(collection);
      if (name !== undefined) tell(name);
    },
    onError,
  });
  return {
    async [Symbol.asyncDispose]() {
      await following[Symbol.asyncDispose]();
      clearTimeout(timer);
    },
  };
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
