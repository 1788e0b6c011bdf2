import { describe, expect, test } from 'vitest';
import { findCommand } from './args/find-command.ts';
import { GLOBAL_OPTIONS } from './args/global-options.ts';
import { commandHelp, overviewHelp } from './args/help-text.ts';
import { parseArguments } from './args/parse-arguments.ts';
import { COMMANDS } from './command-table.ts';

describe.each(COMMANDS)('omg $name', (command) => {
  test('has examples that are valid command lines of it', () => {
    expect(command.examples.length).toBeGreaterThan(0);
    for (const example of command.examples) {
      const [omg, ...words] = (example.split(' | ')[0] ?? '').split(' ');
      const { command: found, rest } = findCommand(COMMANDS, words);
      expect([omg, found.name]).toEqual(['omg', command.name]);
      expect(() => parseArguments(found, rest)).not.toThrow();
    }
  });

  test('has no option that every command has already', () => {
    const taken = new Set(Object.keys(GLOBAL_OPTIONS));
    expect(Object.keys(command.options).filter((name) => taken.has(name))).toEqual([]);
  });

  test('tells all its options in its help, and itself in the overview', () => {
    const help = commandHelp(command);
    for (const name of Object.keys({ ...GLOBAL_OPTIONS, ...command.options })) expect(help).toContain(`--${name}`);
    expect(overviewHelp(COMMANDS)).toContain(`  ${command.name}`);
  });
});

test('no name hides another one', () => {
  const names = COMMANDS.map(({ name }) => name);
  expect(names.filter((name) => names.some((other) => other !== name && `${other} `.startsWith(`${name} `)))).toEqual(
    [],
  );
  expect(new Set(names).size).toBe(names.length);
});
