import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { defineCommand, type CommandContext } from '../command.ts';
import { parseArguments } from '../args/parse-arguments.ts';
import { CommandFailure } from '../failures.ts';
import { confirm, YES } from '../options/confirm.ts';
import { createInput, type Input } from './input.ts';

const command = defineCommand({
  name: 'things delete',
  summary: 'for these tests',
  operands: [],
  options: YES,
  examples: [],
  run: async () => {
    await Promise.resolve();
  },
});

function terminal(): { input: Input; stdin: PassThrough; shown: () => string; stop: () => void } {
  const [stdin, stderr] = [new PassThrough(), new PassThrough()].map((stream) =>
    Object.assign(stream, { isTTY: true }),
  );
  if (stdin === undefined || stderr === undefined) throw new Error('there are two');
  const stopping = new AbortController();
  return {
    input: createInput({ stdin, stderr, signal: stopping.signal }),
    stdin,
    shown: () => String(stderr.read() ?? ''),
    stop: () => {
      stopping.abort();
    },
  };
}

async function confirmOn(input: Input): Promise<void> {
  // confirm looks at nothing else
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  await confirm({ input } as CommandContext, parseArguments(command, []), 'delete 3 keys of ohmygpt');
}

test.each(['y', 'yes', ' Y '])('"%s" is a yes', async (answer) => {
  const { input, stdin, shown } = terminal();
  stdin.write(`${answer}\n`);
  await confirmOn(input);
  expect(shown()).toBe('Really delete 3 keys of ohmygpt? [y/N] ');
});

test.each(['', 'n', 'yesterday'])('"%s" is none, and nothing is done', async (answer) => {
  const { input, stdin } = terminal();
  stdin.write(`${answer}\n`);
  await expect(confirmOn(input)).rejects.toThrow(new CommandFailure('nothing was done'));
});

test('the end of the input is no yes either', async () => {
  const { input, stdin } = terminal();
  stdin.end();
  await expect(confirmOn(input)).rejects.toThrow(new CommandFailure('nothing was done'));
});

test('whoever is interrupted does not wait for an answer, or for stdin to end', async () => {
  const asked = terminal();
  const confirmation = confirmOn(asked.input);
  asked.stop();
  await expect(confirmation).rejects.toThrow(/abort/i);
  const read = terminal();
  const reading = read.input.readText('-');
  read.stop();
  await expect(reading).rejects.toThrow(/abort/i);
});

test('text that is no UTF-8, or more than fits, is refused', async () => {
  const binary = terminal();
  binary.stdin.end(Buffer.from([0xff, 0xfe, 0x00]));
  await expect(binary.input.readText('-')).rejects.toThrow(new CommandFailure('stdin is not UTF-8 text'));
  const huge = terminal();
  const mebibytes = Buffer.alloc(64 * 1024 * 1024, 'a');
  huge.stdin.write(mebibytes);
  huge.stdin.end('a');
  await expect(huge.input.readText('-')).rejects.toThrow(new CommandFailure('stdin is larger than 64 MiB'));
});

test('a file that is not there is named', async () => {
  await expect(terminal().input.readText('/does/not/exist')).rejects.toThrow(/^\/does\/not\/exist cannot be read/);
});
