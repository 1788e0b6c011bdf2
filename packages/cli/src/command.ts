import type { Arguments } from './args/arguments.ts';
import type { Input } from './input/input.ts';
import type { Terminal } from './output/terminal.ts';
import type { Connection } from './remote/connection.ts';

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** What help calls the value. */
  readonly value?: string;
  readonly summary: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The last operand of a command may be left out, or be any number of words. */
export interface LastOperand {
  readonly name: string;
  readonly takes: 'one or none' | 'one or more' | 'any number';
}

/** What a command has to do its work with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly input: Input;
  /** One JSON object per line is asked for, instead of text for people. */
  readonly json: boolean;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

/** A row of the command table: all that help, parsing and running need. */
export interface Command<Option extends string = string> {
  /** One word, or a group and a word: `logs list`. */
  readonly name: string;
  readonly summary: string;
  /** What follows the name, in its order; all of it is needed. */
  readonly operands: readonly string[];
  readonly lastOperand?: LastOperand;
  readonly options: Readonly<Record<Option, OptionSpec>>;
  readonly examples: readonly string[];
  /** Throws what went wrong. */
  readonly run: (context: CommandContext, args: Arguments<Option>) => Promise<void>;
}

/** Checks that `run` asks only for options that the command has. */
export function defineCommand<const Option extends string = never>(command: Command<Option>): Command {
  return command;
}
