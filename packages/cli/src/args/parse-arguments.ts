import { parseArgs } from 'node:util';
import type { Command, OptionSpecs } from '../command.ts';
import { UsageError } from '../failures.ts';
import { Arguments } from './arguments.ts';
import { GLOBAL_OPTIONS } from './global-options.ts';
import { nearestWord } from './nearest-word.ts';

/** What follows a command's name, as its options and operands; throws a UsageError. */
export function parseArguments(command: Command, args: readonly string[]): Arguments<string> {
  const options: OptionSpecs = { ...GLOBAL_OPTIONS, ...command.options };
  const { values, positionals } = parse(command, options, args);
  if (values['help'] !== true) checkOperands(command, positionals);
  return new Arguments(values, positionals);
}

function parse(command: Command, options: OptionSpecs, args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new UsageError(describe(text, command, Object.keys(options)), { cause: error });
  }
}

/** Node's text says which option it is about, and goes on with advice that does not fit here. */
function describe(text: string, { name }: Command, options: readonly string[]): string {
  const [, unknown] = /^Unknown option '-{0,2}([^']*)'/.exec(text) ?? [];
  if (unknown !== undefined) {
    const meant = nearestWord(unknown, options);
    const hint = meant === undefined ? `omg ${name} --help lists them` : `did you mean --${meant}?`;
    return `omg ${name} has no option ${unknown.length === 1 ? '-' : '--'}${unknown}; ${hint}`;
  }
  const [, unfinished] = /^Option '(?:-\w, )?(--[\w-]+).*(?:argument missing|is ambiguous)/.exec(text) ?? [];
  if (unfinished !== undefined) return `${unfinished} needs a value`;
  return text.split(/\.?\n|\. /)[0] ?? text;
}

function checkOperands({ name, operands, lastOperand: last }: Command, given: readonly string[]): void {
  const needed = last?.takes === 'one or more' ? [...operands, last.name] : operands;
  const missing = needed[given.length];
  if (missing !== undefined) throw new UsageError(`omg ${name} needs <${missing}>`);
  if (given.includes('')) throw new UsageError(`omg ${name} does not take an empty word`);
  const most = last === undefined ? operands.length : last.takes === 'one or none' ? operands.length + 1 : Infinity;
  const extra = given[most];
  if (extra !== undefined) throw new UsageError(`omg ${name} does not know what to do with "${extra}"`);
}
