import { readEnvironment } from '@omg/config';
import type { Arguments } from '../args/arguments.ts';
import type { CommandContext, OptionSpecs } from '../command.ts';
import { CommandFailure, UsageError } from '../failures.ts';

/** Where a key comes from; never the command line, which others on the machine can read. */
export const KEY_SOURCE = {
  'key-file': { type: 'string', value: 'FILE', summary: 'a file with the key itself; - is stdin' },
  'key-env': { type: 'string', value: 'VARIABLE', summary: 'the environment variable that holds the key itself' },
} as const satisfies OptionSpecs;

export const PASSWORD_SOURCE = {
  'password-file': { type: 'string', value: 'FILE', summary: "a file with the proxy's password; - is stdin" },
  'password-env': { type: 'string', value: 'VARIABLE', summary: 'the environment variable that holds it' },
} as const satisfies OptionSpecs;

export async function readKey(
  context: CommandContext,
  args: Arguments<'key-file' | 'key-env'>,
): Promise<string | undefined> {
  const source = sourceOf(args, ['key-file', 'key-env']);
  const key = (await readSource(context, source))?.trim();
  if (key === undefined || /^\S+$/.test(key)) return key;
  throw new CommandFailure(`${source?.name ?? ''} does not hold a key: one word is expected`);
}

export async function readNeededKey(context: CommandContext, args: Arguments<'key-file' | 'key-env'>): Promise<string> {
  const key = await readKey(context, args);
  if (key === undefined) throw new UsageError('the key itself is needed: --key-file FILE (- is stdin), or --key-env');
  return key;
}

export async function readPassword(
  context: CommandContext,
  args: Arguments<'password-file' | 'password-env'>,
): Promise<string | undefined> {
  const source = sourceOf(args, ['password-file', 'password-env']);
  const password = (await readSource(context, source))?.replace(/\r?\n$/, '');
  if (password === undefined || /^[^\r\n]+$/.test(password)) return password;
  throw new CommandFailure(`${source?.name ?? ''} does not hold a password: one line is expected`);
}

interface Source {
  readonly kind: 'file' | 'variable';
  readonly name: string;
}

function sourceOf<Option extends string>(
  args: Arguments<Option>,
  [file, variable]: readonly [Option, Option],
): Source | undefined {
  const [path, name] = [args.string(file), args.string(variable)];
  if (path !== undefined && name !== undefined) throw new UsageError(`--${file} and --${variable} exclude each other`);
  if (path !== undefined) return { kind: 'file', name: path === '-' ? 'stdin' : path };
  return name === undefined ? undefined : { kind: 'variable', name };
}

async function readSource({ input }: CommandContext, source: Source | undefined): Promise<string | undefined> {
  if (source === undefined) return undefined;
  if (source.kind === 'file') return await input.readText(source.name === 'stdin' ? '-' : source.name);
  const value = readEnvironment()[source.name];
  if (value === undefined) throw new CommandFailure(`${source.name} is not set in the environment`);
  return value;
}
