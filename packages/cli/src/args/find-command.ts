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
  const [group = '', second = ''] = args;
  if (group.startsWith('-')) return `the command comes first: omg <command> ${args.join(' ')}`;
  const names = commands.map(({ name }) => name);
  const meantGroup = nearestWord(group, [...new Set(names.map((name) => name.split(' ')[0] ?? ''))]);
  if (meantGroup === undefined) return `there is no command "${group}"; omg --help lists them`;

  const inGroup = commandsOfGroup(commands, meantGroup).map(({ name }) => name);
  if (inGroup.length === 0) return `there is no command "${group}"; did you mean omg ${meantGroup}?`;
  const word = second.startsWith('-') ? '' : second;
  const given = `${group} ${word}`.trim();
  const meant = nearestWord(`${meantGroup} ${word}`, inGroup);
  const hint =
    meant === undefined ? `there is ${inGroup.map((name) => `omg ${name}`).join(', ')}` : `did you mean omg ${meant}?`;
  return `there is no command "${given}"; ${hint}`;
}
