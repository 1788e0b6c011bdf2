import type { keyAdminV1 } from '@omg/proto-gen';
import type { Terminal } from '../output/terminal.ts';
import { CommandFailure } from '../failures.ts';
import { formatCount } from '../output/format.ts';

/** As many as key-broker takes in a call. */
const CHUNK_SIZE = 1_000;
/** Of a call with that many. */
export const CHUNK_DEADLINE_MS = 60_000;

export interface Chunks<Item> {
  readonly items: readonly Item[];
  /** What is being done, for whoever waits. */
  readonly doing: string;
  readonly send: (items: readonly Item[]) => Promise<readonly keyAdminV1.LineResult[]>;
}

export interface ChunkedResults {
  /** Of the items in front, in their order. */
  readonly results: readonly keyAdminV1.LineResult[];
  /** What stopped it before the end. */
  readonly failure: CommandFailure | undefined;
}

/** Sends many in several calls, each when the one before is answered; what was answered is never lost. */
export async function inChunks<Item>(
  terminal: Terminal,
  { items, doing, send }: Chunks<Item>,
): Promise<ChunkedResults> {
  const results: keyAdminV1.LineResult[] = [];
  try {
    while (results.length < items.length) {
      terminal.progress(`${doing}: ${formatCount(results.length)} of ${formatCount(items.length)}`);
      const chunk = items.slice(results.length, results.length + CHUNK_SIZE);
      const answered = await send(chunk);
      if (answered.length !== chunk.length)
        throw new CommandFailure(`key-broker answered ${answered.length} of ${chunk.length}`);
      results.push(...answered);
    }
    return { results, failure: undefined };
  } catch (error) {
    if (error instanceof CommandFailure) return { results, failure: error };
    throw error;
  } finally {
    terminal.progress('');
  }
}
