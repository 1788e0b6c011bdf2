import { eventsV1, type usageV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import type { OptionSpecs } from '../command.ts';
import { UsageError } from '../failures.ts';
import { RANGE_OPTIONS, readTimes, readZone } from './range-options.ts';
import { SCOPE_OPTIONS } from './scope-options.ts';

export const LOG_FILTER_OPTIONS = {
  ...SCOPE_OPTIONS,
  status: { type: 'string', value: 'CODE', summary: 'only those of which the client saw this status; 499: it left' },
  success: { type: 'string', value: 'yes|no', summary: 'only those that were answered in full, or that were not' },
  source: { type: 'string', value: 'SOURCE', summary: 'only those counted by: provider, counted, estimated, none' },
  ...RANGE_OPTIONS,
} as const satisfies OptionSpecs;

export type LogFilter = Omit<usageV1.ListLogsRequest, 'pageSize' | 'pageToken'>;

const SOURCES: Readonly<Record<string, eventsV1.UsageSource>> = {
  provider: eventsV1.UsageSource.PROVIDER,
  counted: eventsV1.UsageSource.COUNTED,
  estimated: eventsV1.UsageSource.ESTIMATED,
  none: eventsV1.UsageSource.NONE,
};

export function readLogFilter(args: Arguments<keyof typeof LOG_FILTER_OPTIONS>): LogFilter {
  const { from, to } = readTimes(args, { zone: readZone(args), nowMs: Date.now() });
  return {
    site: args.string('site'),
    tenantId: args.string('tenant'),
    clientKeyId: args.string('key'),
    filter: {
      provider: args.string('provider'),
      upstreamKeyId: args.string('upstream-key'),
      model: args.string('model'),
      statusCode: args.integer('status', { min: 100, max: 599 }),
      success: readYesNo(args),
      usageSource: readSource(args),
      from,
      to,
    },
  };
}

function readYesNo(args: Arguments<'success'>): boolean | undefined {
  const text = args.string('success');
  if (text === undefined) return undefined;
  if (text === 'yes' || text === 'no') return text === 'yes';
  throw new UsageError(`--success is yes or no, not "${text}"`);
}

function readSource(args: Arguments<'source'>): eventsV1.UsageSource | undefined {
  const text = args.string('source');
  if (text === undefined) return undefined;
  const source = SOURCES[text];
  if (source !== undefined) return source;
  throw new UsageError(`--source is ${Object.keys(SOURCES).join(', ')}, not "${text}"`);
}
