import { expect, test } from 'vitest';
import { defineCommand } from '../command.ts';
import { UsageError } from '../failures.ts';
import { parseArguments } from './parse-arguments.ts';

const command = defineCommand({
  name: 'things list',
  summary: 'for these tests',
  operands: ['thing id'],
  options: {
    limit: { type: 'string', value: 'N', summary: 'a number' },
    all: { type: 'boolean', summary: 'a flag' },
  },
  examples: [],
  run: async () => {
    await Promise.resolve();
  },
});

test('options, operands and options of every command may come in any order', () => {
  const args = parseArguments(command, ['--json', 'an-id', '--limit', '5']);
  expect(args.operand(0)).toBe('an-id');
  expect(args.integer('limit', { min: 1, max: 10 })).toBe(5);
  expect([args.flag('json'), args.flag('all'), args.string('broker')]).toEqual([true, false, undefined]);
});

test.each([
  ['x --limt 3', 'omg things list has no option --limt; did you mean --limit?'],
  ['x --frobnicate', 'omg things list has no option --frobnicate; omg things list --help lists them'],
  ['x -z', 'omg things list has no option -z; omg things list --help lists them'],
  ['x --limit', '--limit needs a value'],
  ['x --limit -3', '--limit needs a value'],
  ['x --all=yes', "Option '--all' does not take an argument"],
  ['', 'omg things list needs <thing id>'],
  ['x y', 'omg things list does not know what to do with "y"'],
])('"%s" is refused in one sentence', (line, sentence) => {
  expect(() => parseArguments(command, line.split(' ').filter(Boolean))).toThrow(new UsageError(sentence));
});

test('help is given whatever else is missing', () => {
  expect(parseArguments(command, ['-h']).flag('help')).toBe(true);
});

test.each(['0', '11', 'x', '1e1', '1.5'])('a number that is none of the allowed ones is refused: %s', (text) => {
  const args = parseArguments(command, ['x', `--limit=${text}`]);
  expect(() => args.integer('limit', { min: 1, max: 10 })).toThrow(
    new UsageError(`--limit must be a whole number from 1 to 10, not "${text}"`),
  );
});

test('an empty value is refused: it would ask for everything', () => {
  expect(() => parseArguments(command, ['x', '--limit=']).string('limit')).toThrow(UsageError);
});

test.each([
  ['one or none', '', [], undefined],
  ['one or none', 'x', ['x'], undefined],
  ['one or none', 'x y', [], 'omg things do does not know what to do with "y"'],
  ['one or more', '', [], 'omg things do needs <thing id>'],
  ['one or more', 'x y x', ['x', 'y'], undefined],
] as const)('where the last operand takes %s, "%s" is taken or refused', (takes, line, operands, sentence) => {
  const doing = { ...command, name: 'things do', operands: [], lastOperand: { name: 'thing id', takes } };
  const parse = (): readonly string[] => parseArguments(doing, line.split(' ').filter(Boolean)).operandsFrom(0);
  if (sentence === undefined) expect(parse()).toEqual(operands);
  else expect(parse).toThrow(new UsageError(sentence));
});

test('an empty word is no id', () => {
  expect(() => parseArguments(command, [''])).toThrow(new UsageError('omg things list does not take an empty word'));
});
