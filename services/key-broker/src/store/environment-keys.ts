import { createHash } from 'node:crypto';
import type { ClientSession } from 'mongodb';
import { NEW_KEY_STATE } from '../domain/key-state.ts';
import { oneOf, type StoredDocument } from './pool-collections.ts';
import { againWhereDuplicate, type PoolContext } from './pool-context.ts';
import type { SecretBox } from './secret-box.ts';
import { newKeyDocument, openSecret } from './stored-key.ts';

/**
 * Makes the keys that came from the environment exactly these, and leaves all others alone. What was rotated away stays
 * away, though the environment still names it. Any process may do this: a rotation under way makes it begin again.
 */
export async function syncEnvironmentKeys(context: PoolContext, secrets: readonly string[]): Promise<void> {
  await againWhereDuplicate(async () => {
    await context.transaction(async (session) => {
      await sync(context, secrets, session);
    });
  });
}

async function sync(context: PoolContext, secrets: readonly string[], session: ClientSession): Promise<void> {
  const { box, collections } = context;
  const { keys, archive } = collections;
  const nowMs = context.nowMs();
  const ids = secrets.map((_, index) => `env-${index + 1}`);
  const wanted = new Map(ids.map((id, index) => [id, secrets[index] ?? '']));
  const ofEnvironment = { fromEnvironment: true };
  const digests = new Set(secrets.map(digestOf));
  const isWanted = (document: StoredDocument): boolean => digests.has(digestOfStored(document, box) ?? '');

  const archived = await archive.find(ofEnvironment, { session }).toArray();
  // its rotation is final and the environment has forgotten it as well
  const over = archived.filter((document) => document['apiKey'] === undefined && !isWanted(document));
  await archive.deleteMany({ _id: { $in: over.map(({ _id }) => _id) } }, { session });
  const gone = new Set(archived.map((document) => digestOfStored(document, box)));

  // another secret is another key: nothing that is known of the one before holds for it
  const stored = await keys.find(ofEnvironment, { session }).toArray();
  const others = stored.filter((document) => {
    const secret = wanted.get(String(document._id));
    return secret === undefined || digestOfStored(document, box) !== digestOf(secret);
  });
  await keys.deleteMany({ _id: { $in: others.map(({ _id }) => _id) } }, { session });
  const there = await keys.find({ _id: oneOf(ids) }, { session, projection: { _id: 1 } }).toArray();
  const taken = new Set(there.map(({ _id }) => String(_id)));
  const missing = [...wanted].filter(([id, secret]) => !taken.has(id) && !gone.has(digestOf(secret)));
  if (missing.length === 0) return;
  await keys.insertMany(
    missing.map(([id, secret]) => ({
      ...newKeyDocument({ id, apiKey: box.seal(secret), terms: {}, state: NEW_KEY_STATE, nowMs }),
      ...ofEnvironment,
    })),
    { session },
  );
}

/** Of a key, or of what is left of one that was rotated away. Undefined where it cannot be opened. */
export function digestOfStored({ apiKey, secretDigest }: StoredDocument, box: SecretBox): string | undefined {
  if (typeof secretDigest === 'string') return secretDigest;
  if (typeof apiKey !== 'string') return undefined;
  const secret = openSecret(apiKey, box);
  return typeof secret === 'string' ? digestOf(secret) : undefined;
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
