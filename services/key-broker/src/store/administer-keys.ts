import { OmgError } from '@omg/errors';
import type {
  AddOptions,
  By,
  Deleted,
  HistoryRecord,
  KeyEdit,
  LineResult,
  NewKey,
  StoredKey,
} from '../app/pool-store.ts';
import { NEW_KEY_STATE } from '../domain/key-state.ts';
import { writeHistory } from './key-history.ts';
import { oneOf } from './pool-collections.ts';
import { againWhereDuplicate, expectKey, type PoolContext } from './pool-context.ts';
import { newKeyDocument, readMarks, termsFields } from './stored-key.ts';
import { checkCount, judgeLines, resultsOf, secretsIn } from './take-lines.ts';

export async function addKeys(
  context: PoolContext,
  keys: readonly NewKey[],
  { actor, nowMs, dryRun = false }: By & AddOptions,
): Promise<readonly LineResult[]> {
  return await againWhereDuplicate(
    async () =>
      await context.transaction(async (session) => {
        const results = await judgeLines(context, keys, session);
        const added = keys.filter((_, index) => results[index]?.ok === true);
        if (dryRun || added.length === 0) return results;
        await context.collections.keys.insertMany(
          added.map(({ id, secret, terms, enabled = true }) => {
            const state = { ...NEW_KEY_STATE, enabled, enableFailover: terms.enableFailover };
            return newKeyDocument({ id, apiKey: context.box.seal(secret), terms, state, nowMs });
          }),
          { session },
        );
        const entry = { cause: 'add', from: 'gone', to: 'healthy', generation: 1n, actor, atMs: nowMs } as const;
        await writeHistory(
          context,
          added.map(({ id }) => ({ ...entry, keyId: id })),
          session,
        );
        return results;
      }),
  );
}

export async function editKey(
  context: PoolContext,
  id: string,
  { secret, terms = {}, actor, nowMs }: KeyEdit & By,
): Promise<StoredKey | undefined> {
  const { keys } = context.collections;
  return await context.transaction(async (session) => {
    const before = await keys.findOne({ _id: oneOf([id]) }, { session });
    if (before === null) return undefined;
    if (secret !== undefined) {
      const taken = await secretsIn(context, [secret], session);
      if (taken.has(secret)) throw new OmgError('already_exists', taken.get(secret) ?? '');
    }
    const { set, unset } = termsFields(terms);
    await keys.updateOne(
      { _id: before._id },
      {
        $set: {
          ...set,
          apiKey: secret === undefined ? context.box.sealed(String(before['apiKey'])) : context.box.seal(secret),
        },
        $unset: Object.fromEntries(unset.map((name) => [name, ''])),
      },
      { session },
    );
    const key = expectKey(context, await keys.findOne({ _id: before._id }, { session }));
    const { status, generation } = key.state;
    const what = [...(secret === undefined ? [] : ['its secret']), ...Object.keys(terms)].join(', ');
    const entry = { cause: 'edit', from: status, to: status, generation, actor, atMs: nowMs, message: what } as const;
    await writeHistory(context, [{ ...entry, keyId: id }], session);
    return key;
  });
}

export async function deleteKeys(context: PoolContext, ids: readonly string[], { actor, nowMs }: By): Promise<Deleted> {
  checkCount(ids.length);
  const { keys, bindings, keyField } = context.collections;
  return await context.transaction(async (session) => {
    const projection = { status: 1, cooldownUntil: 1, isEnabled: 1, broker: 1 };
    const documents = await keys.find({ _id: oneOf(ids) }, { session, projection }).toArray();
    const there = new Set(documents.map(({ _id }) => String(_id)));
    await keys.deleteMany({ _id: { $in: documents.map(({ _id }) => _id) } }, { session });
    const { deletedCount } = await bindings.deleteMany({ [keyField]: oneOf([...there]) }, { session });
    const history = documents.map((document): HistoryRecord => {
      const marks = readMarks(document);
      const [from, generation] =
        'fault' in marks ? (['error', 0n] as const) : [marks.hand.status, marks.own.generation];
      return { keyId: String(document._id), cause: 'delete', from, to: 'gone', generation, actor, atMs: nowMs };
    });
    await writeHistory(context, history, session);
    return { results: resultsOf(ids, there, 'key'), bindingsDeleted: deletedCount };
  });
}
