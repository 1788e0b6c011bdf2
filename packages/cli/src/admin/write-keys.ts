import type { CommandContext } from '../command.ts';
import { CommandFailure } from '../failures.ts';
import { writeRows } from '../output/pages.ts';
import { keyColumns, keyToJson, type KeyView } from '../views/upstream-key.ts';

/** Prints keys as they are after a change. */
export async function writeKeys(context: CommandContext, keys: readonly KeyView[]): Promise<void> {
  if (keys.length === 0) return;
  await writeRows(context, keys, { columns: keyColumns(Date.now()), toJson: keyToJson, none: '' });
}

/** What an answer holds, which protobuf cannot promise. */
export function answered<T>(value: T | undefined): T {
  if (value === undefined) throw new CommandFailure('key-broker: the answer is empty');
  return value;
}
