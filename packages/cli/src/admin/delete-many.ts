import type { keyAdminV1 } from '@omg/proto-gen';
import type { CommandContext } from '../command.ts';
import { formatNumberOf } from '../output/format.ts';
import { inChunks } from './in-chunks.ts';
import { reportLines } from './line-report.ts';

export interface Deletion {
  readonly ids: readonly string[];
  readonly noun: readonly [one: string, many: string];
  readonly send: (
    ids: readonly string[],
  ) => Promise<{ readonly results: readonly keyAdminV1.LineResult[]; readonly bindingsDeleted?: number }>;
}

/** Deletes however many and reports each that is refused. */
export async function deleteMany(context: CommandContext, { ids, noun, send }: Deletion): Promise<void> {
  let bindings: number | undefined;
  const { results, failure } = await inChunks(context.terminal, {
    items: ids,
    doing: 'deleting',
    send: async (chunk) => {
      const { results: answered, bindingsDeleted } = await send(chunk);
      if (bindingsDeleted !== undefined) bindings = (bindings ?? 0) + bindingsDeleted;
      return answered;
    },
  });
  const withThem = bindings === undefined ? '' : `, with ${formatNumberOf(bindings, 'binding')}`;
  await reportLines(context, { lines: results, noun, done: `deleted${withThem}`, failure });
}
