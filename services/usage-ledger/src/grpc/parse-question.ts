import { OmgError } from '@omg/errors';
import type { eventsV1, usageV1 } from '@omg/proto-gen';
import type { LogPageQuery } from '../app/query-logs.ts';
import type { Scope } from '../app/rollup-ports.ts';
import type { Dimension } from '../domain/rollup-cube.ts';
import type { UsageSource } from '../domain/usage-record.ts';
import type { Step } from '../domain/zoned-steps.ts';

const DIMENSION: Record<usageV1.Dimension, Dimension | undefined> = {
  DIMENSION_SITE: 'site',
  DIMENSION_PROVIDER: 'provider',
  DIMENSION_MODEL: 'model',
  DIMENSION_TENANT: 'tenantId',
  DIMENSION_CLIENT_KEY: 'clientKeyId',
  DIMENSION_UPSTREAM_KEY: 'upstreamKeyId',
  DIMENSION_UNSPECIFIED: undefined,
  UNRECOGNIZED: undefined,
};

const STEP: Record<usageV1.Step, Step | undefined> = {
  STEP_HOUR: 'hour',
  STEP_DAY: 'day',
  STEP_UNSPECIFIED: undefined,
  UNRECOGNIZED: undefined,
};

const SOURCE: Record<eventsV1.UsageSource, UsageSource | undefined> = {
  USAGE_SOURCE_PROVIDER: 'provider',
  USAGE_SOURCE_COUNTED: 'counted',
  USAGE_SOURCE_ESTIMATED: 'estimated',
  USAGE_SOURCE_NONE: 'none',
  USAGE_SOURCE_UNSPECIFIED: undefined,
  UNRECOGNIZED: undefined,
};

export function parseRange(range: { readonly from: Date | undefined; readonly to: Date | undefined }): {
  readonly fromMs: number;
  readonly toMs: number;
} {
  const [fromMs, toMs] = [range.from?.getTime() ?? NaN, range.to?.getTime() ?? NaN];
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) throw new OmgError('invalid_argument', 'from and to are needed');
  return { fromMs, toMs };
}

export function parseScope(scope: usageV1.UsageScope | undefined): Scope {
  return Object.fromEntries(Object.entries(scope ?? {}).filter(([, value]) => value !== undefined));
}

export function parseDimensions(dimensions: readonly usageV1.Dimension[]): readonly Dimension[] {
  return dimensions.map((dimension) => known(DIMENSION[dimension], 'dimension'));
}

export function parseStep(step: usageV1.Step): Step {
  return known(STEP[step], 'step');
}

export function parseLogQuery(request: Omit<usageV1.ListLogsRequest, '$type'>): LogPageQuery {
  const { filter, ...rest } = request;
  const { usageSource, ...more } = filter ?? {};
  return {
    ...rest,
    ...more,
    usageSource: usageSource === undefined ? undefined : known(SOURCE[usageSource], 'usage source'),
  };
}

function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new OmgError('invalid_argument', `the ${what} is none that is known`);
  return value;
}
