import { parseArgs } from 'node:util';
import type { Command, OptionSpecs } from '../command.ts';
import { UsageError } from '../failures.ts';
import { Arguments } from './arguments.ts';
import { GLOBAL_OPTIONS, type GlobalOption } from './global-options.ts';
import { nearestWord } from './nearest-word.ts';

/** What follows a command's name, as its options and operands; throws a UsageError. */
export function parseArguments(command: Command, args: readonly string[]): Arguments<GlobalOption> & Arguments<string> {
  const options: OptionSpecs = { ...GLOBAL_OPTIONS, ...command.options };
  const { values, positionals } = parse(args, options);
  if (values['help'] !== true) checkOperands(command, positionals);
  return new Arguments(values, positionals);
}

type Parsed = ReturnType<typeof parseArgs<{ options: Record<string, { type: 'string' | 'boolean' }> }>>;

function parse(args: readonly string[], options: OptionSpecs): Pick<Parsed, 'positionals'> & { values: Arguments.Values } {
  return parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
}
