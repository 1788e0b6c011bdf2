import type { ClientSession } from 'mongodb';
import { oneOf, type Documents } from './pool-collections.ts';
import type { PoolContext } from './pool-context.ts';
import { SEALED } from './secret-box.ts';
import { ownMark } from './stored-key.ts';

/** What older systems wrote plain is sealed with the next write of its document. Found without naming it in a query: queries are logged. */
export async function sealPlain(
  { box }: PoolContext,
  { documents, field, ids }: { readonly documents: Documents; readonly field: string; readonly ids: readonly string[] },
  session: ClientSession,
): Promise<void> {
  const isPlain = { $type: 'string', $nin: ['', SEALED] };
  const plain = await documents
    .find({ _id: oneOf(ids), [field]: isPlain }, { session, projection: { [field]: 1 } })
    .toArray();
  if (plain.length === 0) return;
  await documents.bulkWrite(
    plain.map((document) => ({
      updateOne: {
        filter: { _id: document._id },
        update: [
          { $set: { [field]: { $literal: box.seal(String(document[field])) }, 'broker.write': ownMark().write } },
        ],
      },
    })),
    { session },
  );
}
