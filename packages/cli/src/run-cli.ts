import { ConfigError, readEnvironment } from '@omg/config';
import type { Arguments } from './args/arguments.ts';
import { commandsOfGroup, findCommand } from './args/find-command.ts';
import { commandHelp, overviewHelp } from './args/help-text.ts';
import { parseArguments } from './args/parse-arguments.ts';
import { COMMANDS } from './command-table.ts';
import { CommandFailure, EXIT_CODES, UsageError } from './failures.ts';
import type { Input } from './input/input.ts';
import { printable } from './output/printable.ts';
import type { Terminal } from './output/terminal.ts';
import { ConnectionSettings } from './remote/connection-settings.ts';
import { Connection } from './remote/connection.ts';
import { findStackEnvFile } from './remote/stack-env-file.ts';

export interface Invocation {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly input: Input;
  /** Aborted when whoever waits does so no longer. */
  readonly signal: AbortSignal;
}

/** One run of `omg`; resolves to its exit code and throws only what is a fault of the program itself. */
export async function runCli(invocation: Invocation): Promise<number> {
  const { terminal, signal } = invocation;
  try {
    return await run(invocation);
  } catch (error) {
    if (signal.aborted) return EXIT_CODES.interrupted;
    const sentences = sentencesOf(error);
    if (sentences === undefined) throw error;
    for (const sentence of sentences) terminal.note(`omg: ${printable(sentence)}`);
    return error instanceof UsageError ? EXIT_CODES.usage : EXIT_CODES.failed;
  }
}

async function run({ args, cwd, terminal, input, signal }: Invocation): Promise<number> {
  const [first, second] = args;
  if (first === undefined) {
    terminal.note(overviewHelp(COMMANDS).trimEnd());
    return EXIT_CODES.usage;
  }
  const group = isHelp(first) ? COMMANDS : isHelp(second) ? commandsOfGroup(COMMANDS, first) : [];
  if (group.length > 0) {
    await terminal.write(overviewHelp(group));
    return EXIT_CODES.ok;
  }

  const { command, rest } = findCommand(COMMANDS, first === '--version' ? ['version'] : args);
  const parsed = parseArguments(command, rest);
  if (parsed.flag('help')) {
    await terminal.write(commandHelp(command));
    return EXIT_CODES.ok;
  }
  const explain = (text: string): void => {
    if (parsed.flag('verbose')) terminal.note(`omg: ${printable(text)}`);
  };
  await using connection = new Connection({
    settings: () => readSettings(parsed, cwd),
    signal,
    explain,
  });
  await command.run({ terminal, input, json: parsed.flag('json'), connection, signal }, parsed);
  return EXIT_CODES.ok;
}

function isHelp(arg: string | undefined): boolean {
  return arg === '--help' || arg === '-h';
}

function readSettings(args: Arguments<string>, cwd: string): ConnectionSettings {
  const options = {
    broker: args.string('broker'),
    ledger: args.string('ledger'),
    'token-file': args.string('token-file'),
  };
  return new ConnectionSettings({
    options,
    environment: readEnvironment(),
    stackEnvFile: () => findStackEnvFile(cwd),
  });
}

function sentencesOf(error: unknown): readonly string[] | undefined {
  if (error instanceof UsageError) return [error.message];
  if (error instanceof CommandFailure) return error.message.split('\n');
  return error instanceof ConfigError ? error.faults : undefined;
}
