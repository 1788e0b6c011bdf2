import type { Arguments } from '../args/arguments.ts';
import type { CommandContext, OptionSpecs } from '../command.ts';
import { CommandFailure, UsageError } from '../failures.ts';
import { printable } from '../output/printable.ts';

/** For commands that cannot be taken back, or end what runs. */
export const YES = {
  yes: { type: 'boolean', short: 'y', summary: 'do not ask; needed where nobody can be asked' },
} as const satisfies OptionSpecs;

/** Returns when `deed` is wanted: `delete 3 keys of ohmygpt`. */
export async function confirm({ input }: CommandContext, args: Arguments<'yes'>, deed: string): Promise<void> {
  if (args.flag('yes')) return;
  if (!input.interactive) throw new UsageError(`--yes is needed to ${printable(deed)} where nobody can be asked`);
  const answer = await input.ask(`Really ${printable(deed)}? [y/N] `);
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw new CommandFailure('nothing was done');
}

/** `the key a`, or `3 keys`. */
export function deedTo(verb: string, ids: readonly string[], [one, many]: readonly [string, string]): string {
  return ids.length === 1 ? `${verb} the ${one} ${ids[0] ?? ''}` : `${verb} ${ids.length} ${many}`;
}
