import type { Command } from '../command.ts';
import { UsageError } from '../failures.ts';
import { nearestWord } from './nearest-word.ts';

export interface FoundCommand {
  readonly command: Command;
  /** What follows the command's name. */
  readonly rest: readonly string[];
}

/** The command whose name the arguments begin with; throws a UsageError with the nearest one where there is none. */
export function findCommand(commands: readonly Command[], args: readonly string[]): FoundCommand {
  for (const command of commands) {
    const words = command.name.split(' ');
    if (words.every((word, index) => args[index] === word)) return { command, rest: args.slice(words.length) };
  }
  throw new UsageError(unknownCommand(commands, args));
}

/** The commands of a group such as `logs`; none where there is no such group. */
export function commandsOfGroup(commands: readonly Command[], group: string): readonly Command[] {
  return commands.filter(({ name }) => name.startsWith(`${group} `));
}

function unknownCommand(commands: readonly Command[], args: readonly string[]): string {
  const optionAt = args.findIndex((arg) => arg.startsWith('-'));
  const words = args.slice(0, Math.min(2, optionAt === -1 ? args.length : optionAt));
  const [group = '', word] = words;
  if (words.length === 0) return `the command comes first: omg <command> ${args.join(' ')}`;

  const inGroup = commandsOfGroup(commands, group);
  if (inGroup.length > 0 && word === undefined) return `omg ${group} needs one more word: ${inGroup.map(({ name }) => `omg ${name}`).join(' or ')}`;

  const names = commands.map(({ name }) => name);
  const meant = nearestWord(words.join(' '), names) ?? nearestWord(group, names) ?? inGroup[0]?.name;
  const given = inGroup.length > 0 || meant?.includes(' ') === true ? words.join(' ') : group;
  return `there is no command "${given}"; ${meant === undefined ? 'omg --help lists them' : `did you mean omg ${meant}?`}`;
}
