import type { Arguments } from '../args/arguments.ts';
import type { OptionSpec } from '../command.ts';
import { UsageError } from '../failures.ts';

/** For lists that come in pages. */
export function limitOptions(what: string, usualLimit: number): Readonly<Record<'limit' | 'all', OptionSpec>> {
  return {
    limit: { type: 'string', value: 'N', summary: `at most N ${what} (default ${usualLimit})` },
    all: { type: 'boolean', summary: `every one that fits, however many` },
  };
}

export function readLimit(args: Arguments<'limit' | 'all'>, usualLimit: number): number {
  const asked = args.integer('limit', { min: 1, max: 1_000_000 });
  if (asked !== undefined && args.flag('all')) throw new UsageError('--limit and --all exclude each other');
  return args.flag('all') ? Infinity : (asked ?? usualLimit);
}
