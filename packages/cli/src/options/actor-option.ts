import { userInfo } from 'node:os';
import type { Arguments } from '../args/arguments.ts';
import type { OptionSpecs } from '../command.ts';

/** For commands that change something. */
export const ACTOR = {
  actor: { type: 'string', value: 'WHO', summary: 'who is written down for it (default: cli:<your user>)' },
} as const satisfies OptionSpecs;

export function actorOf(args: Arguments<'actor'>): string {
  return args.string('actor') ?? `cli:${userName()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // in a container the user may have a number and no name
    return String(process.getuid?.() ?? 'unknown');
  }
}
