import { expect, test } from 'vitest';
import { COMMANDS } from '../command-table.ts';
import { UsageError } from '../failures.ts';
import { findCommand } from './find-command.ts';

test('a command is found by all words of its name, and what follows is left', () => {
  const { command, rest } = findCommand(COMMANDS, ['logs', 'show', 'an-id', '--json']);
  expect(command.name).toBe('logs show');
  expect(rest).toEqual(['an-id', '--json']);
});

test.each([
  ['statsu', 'there is no command "statsu"; did you mean omg status?'],
  ['log list', 'there is no command "log list"; did you mean omg logs list?'],
  ['logs lst --json', 'there is no command "logs lst"; did you mean omg logs list?'],
  ['provider list', 'there is no command "provider list"; did you mean omg providers list?'],
  ['logs', 'there is no command "logs"; there is omg logs list, omg logs show, omg logs refused'],
  ['logs frobnicate', 'there is no command "logs frobnicate"; there is omg logs list, omg logs show, omg logs refused'],
  ['frobnicate it', 'there is no command "frobnicate"; omg --help lists them'],
  ['--json status', 'the command comes first: omg <command> --json status'],
])('omg %s is refused in a sentence that helps', (line, sentence) => {
  expect(() => findCommand(COMMANDS, line.split(' '))).toThrow(new UsageError(sentence));
});
