import type { Arguments } from '../args/arguments.ts';
import type { OptionSpecs } from '../command.ts';
import { UsageError } from '../failures.ts';

export const REASON = {
  reason: { type: 'string', value: 'TEXT', summary: 'why; it is written into the entry' },
} as const satisfies OptionSpecs;

export function readReason(args: Arguments<'reason'>): string {
  const reason = args.string('reason');
  if (reason === undefined) throw new UsageError('--reason TEXT is needed');
  return reason;
}
