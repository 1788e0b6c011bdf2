import { usageV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import type { OptionSpecs } from '../command.ts';
import { UsageError } from '../failures.ts';

/** Which requests; those that are all of it. */
export const SCOPE_OPTIONS = {
  site: { type: 'string', value: 'SITE', summary: 'only of this site' },
  tenant: { type: 'string', value: 'ID', summary: 'only of this tenant' },
  key: { type: 'string', value: 'ID', summary: 'only of this client key (its id, never the key itself)' },
  provider: { type: 'string', value: 'NAME', summary: 'only of this provider' },
  'upstream-key': { type: 'string', value: 'ID', summary: 'only those whose last attempt used this upstream key' },
  model: { type: 'string', value: 'MODEL', summary: 'only of this model' },
} as const satisfies OptionSpecs;

export type ScopeOption = keyof typeof SCOPE_OPTIONS;

export function readScope(args: Arguments<ScopeOption>): usageV1.UsageScope {
  return {
    site: args.string('site'),
    tenantId: args.string('tenant'),
    clientKeyId: args.string('key'),
    provider: args.string('provider'),
    upstreamKeyId: args.string('upstream-key'),
    model: args.string('model'),
  };
}

/** What can be grouped by: the words of the same options. */
export const DIMENSIONS: Readonly<Record<ScopeOption, usageV1.Dimension>> = {
  site: usageV1.Dimension.SITE,
  tenant: usageV1.Dimension.TENANT,
  key: usageV1.Dimension.CLIENT_KEY,
  provider: usageV1.Dimension.PROVIDER,
  'upstream-key': usageV1.Dimension.UPSTREAM_KEY,
  model: usageV1.Dimension.MODEL,
};

export const BY_OPTION = {
  by: { type: 'string', value: 'A,B', summary: `a row for each of: ${Object.keys(DIMENSIONS).join(', ')}` },
} as const satisfies OptionSpecs;

export function readBy(args: Arguments<'by'>): readonly ScopeOption[] {
  return (args.list('by') ?? []).map((word) => {
    const found = Object.keys(DIMENSIONS).find((name): name is ScopeOption => name === word);
    if (found !== undefined) return found;
    throw new UsageError(`--by takes ${Object.keys(DIMENSIONS).join(', ')}, not "${word}"`);
  });
}
