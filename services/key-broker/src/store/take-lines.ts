import { OmgError } from '@omg/errors';
import type { ClientSession } from 'mongodb';
import type { LineResult } from '../app/pool-store.ts';
import { oneOf, type Documents } from './pool-collections.ts';
import type { PoolContext } from './pool-context.ts';
import { openSecret } from './stored-key.ts';

const MAX_LINES = 1_000;

export interface Line {
  readonly id: string;
  readonly secret: string;
}

/** Why each of them cannot be added; '' where it can. */
export async function judgeLines(
  context: PoolContext,
  lines: readonly Line[],
  session: ClientSession,
): Promise<readonly LineResult[]> {
  checkCount(lines.length);
  const { keys, backups } = context.collections;
  const ids = lines.map(({ id }) => id);
  const takenIds = new Map<string, string>([
    ...(await idsIn(backups, ids, session)).map((id) => [id, 'there is a backup key with this name'] as const),
    ...(await idsIn(keys, ids, session)).map((id) => [id, 'there is a key with this name'] as const),
  ]);
  const takenSecrets = await secretsIn(
    context,
    lines.map(({ secret }) => secret),
    session,
  );
  return lines.map(({ id, secret }): LineResult => {
    const reason = id === '' ? 'it has no name' : secret === '' ? 'it has no key' : takenIds.get(id);
    const refused = reason ?? takenSecrets.get(secret);
    if (refused !== undefined) return { id, ok: false, reason: refused };
    takenIds.set(id, 'the name comes twice');
    takenSecrets.set(secret, `it has the same key as ${id}`);
    return { id, ok: true, reason: '' };
  });
}

/** Which of these secrets the pool or its backup keys have: sealed ones can only be compared opened. */
export async function secretsIn(
  { collections, box }: PoolContext,
  secrets: readonly string[],
  session: ClientSession,
): Promise<Map<string, string>> {
  const wanted = new Set(secrets);
  const taken = new Map<string, string>();
  const places = [
    [collections.backups, 'the backup key'],
    [collections.keys, 'the key'],
  ] as const;
  for (const [documents, what] of places) {
    const options = { session, projection: { apiKey: 1 }, batchSize: MAX_LINES };
    for await (const { _id, apiKey } of documents.find({}, options)) {
      const secret = typeof apiKey === 'string' ? openSecret(apiKey, box) : undefined;
      if (typeof secret === 'string' && wanted.has(secret)) taken.set(secret, `${what} ${String(_id)} is the same`);
    }
  }
  return taken;
}

/** The ids of `ids` that are there. */
async function idsIn(documents: Documents, ids: readonly string[], session: ClientSession): Promise<readonly string[]> {
  const found = await documents.find({ _id: oneOf(ids) }, { session, projection: { _id: 1 } }).toArray();
  return found.map(({ _id }) => String(_id));
}

export function checkCount(count: number): void {
  if (count > MAX_LINES) throw new OmgError('invalid_argument', `at most ${MAX_LINES} at once`);
}

export function resultsOf(ids: readonly string[], there: ReadonlySet<string>, what: string): readonly LineResult[] {
  return ids.map((id) => ({ id, ok: there.has(id), reason: there.has(id) ? '' : `there is no such ${what}` }));
}
