import type { Command, OptionSpec, OptionSpecs } from '../command.ts';
import { renderFields } from '../output/field-list.ts';
import { GLOBAL_OPTIONS } from './global-options.ts';

const ENVIRONMENT = `Where the services are and which token to show them: an option, else BROKER_ADDR, LEDGER_ADDR and
SERVICE_TOKEN from the environment or .env, else data/env of scripts/up, in this directory or one above it.
GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY (paths) make it mutual TLS.

The exit code is 0 when all is well, 1 when the command failed, 2 when it was misspelt.
`;

/** Of `omg --help`, or of a group of commands. */
export function overviewHelp(commands: readonly Command[]): string {
  return [
    'omg: asks and tells the services of the Open Model Gateway.\n',
    'Usage: omg <command> [options]\n',
    section(
      'Commands',
      commands.map((command) => [callOf(command), command.summary]),
    ),
    section('Options of every command', optionRows(GLOBAL_OPTIONS)),
    ENVIRONMENT,
  ].join('\n');
}

export function commandHelp(command: Command): string {
  const { name, summary, options, examples } = command;
  const own = optionRows(options);
  return [
    `omg ${name}: ${summary}.\n`,
    `Usage: omg ${callOf(command)} [options]\n`,
    ...(own.length === 0 ? [] : [section('Options', own)]),
    section('Options of every command', optionRows(GLOBAL_OPTIONS)),
    `Examples:\n${examples.map((example) => `  ${example}\n`).join('')}`,
  ].join('\n');
}

function callOf({ name, operands, lastOperand: last }: Command): string {
  const words = [name, ...operands.map((operand) => `<${operand}>`)];
  if (last !== undefined)
    words.push(
      { 'one or none': `[${last.name}]`, 'one or more': `<${last.name}>...`, 'any number': `[${last.name}...]` }[
        last.takes
      ],
    );
  return words.join(' ');
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  return `${title}:\n${renderFields(rows)}`;
}

function optionRows(options: OptionSpecs): readonly (readonly [string, string])[] {
  return Object.entries(options).map(([name, spec]) => [flagsOf(name, spec), spec.summary]);
}

function flagsOf(name: string, { short, value }: OptionSpec): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}
