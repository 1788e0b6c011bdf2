import type { Arguments } from '../args/arguments.ts';
import { UsageError } from '../failures.ts';

/** What an option's word stands for, by a table from values to words. */
export function readWord<Option extends string, Value extends string>(
  args: Arguments<Option>,
  name: Option,
  words: Readonly<Record<Value, string>>,
): Value | undefined {
  const given = args.string(name);
  if (given === undefined) return undefined;
  // the keys of such a table are its values
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const values = (Object.keys(words) as Value[]).filter((value) => words[value] !== 'unknown');
  const found = values.find((value) => words[value] === given);
  if (found === undefined)
    throw new UsageError(`--${name} is ${values.map((value) => words[value]).join(' or ')}, not "${given}"`);
  return found;
}
