import type { Document, FindCursor } from 'mongodb';

const CHUNK = 2_000;

/** What a cursor finds, some at a time: one by one takes twice as long. */
export async function* inChunks<D extends Document, T>(
  cursor: FindCursor<D>,
  convert: (document: D) => T,
): AsyncIterable<readonly T[]> {
  let chunk: T[] = [];
  for await (const document of cursor.batchSize(CHUNK)) {
    chunk.push(convert(document));
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
