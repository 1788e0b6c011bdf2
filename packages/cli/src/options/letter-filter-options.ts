import type { auditV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import type { OptionSpecs } from '../command.ts';
import { RANGE_OPTIONS, readTimes, readZone } from './range-options.ts';

export const LETTER_FILTER_OPTIONS = {
  reason: { type: 'string', value: 'TEXT', summary: 'only those whose reason has this in it' },
  ...RANGE_OPTIONS,
} as const satisfies OptionSpecs;

export function readLetterFilter(
  args: Arguments<keyof typeof LETTER_FILTER_OPTIONS>,
): Pick<auditV1.ListDeadLettersRequest, 'reason' | 'from' | 'to'> {
  const { from, to } = readTimes(args, { zone: readZone(args), nowMs: Date.now() });
  return { reason: args.string('reason') ?? '', from, to };
}
