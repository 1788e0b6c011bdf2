import type { GrpcClient } from '@omg/grpc';
import { usageV1 } from '@omg/proto-gen';
import { DAY_MS } from '../../../src/domain/rollup-period.ts';
import { accountId } from '../synthetic-usage.ts';
import { YEAR, clientKeyId } from './synthetic-year.ts';

type Usage = GrpcClient<usageV1.UsageService>;

export interface Question {
  readonly name: string;
  /** Resolves to how many groups or points the answer has. */
  readonly ask: (usage: Usage, signal: AbortSignal) => Promise<number>;
}

const { CLIENT_KEY, MODEL, SITE, TENANT, UPSTREAM_KEY, PROVIDER } = usageV1.Dimension;
const { DAY, HOUR } = usageV1.Step;

/** What ends there ends now. It begins in the middle of a day: not with a month, a day or an hour. */
const SINCE_MIDNIGHT_MS = 5 * 3_600_000 + 45 * 60_000;
const before = (endMs: number, days: number) => ({
  from: new Date(endMs - days * DAY_MS - SINCE_MIDNIGHT_MS),
  to: new Date(endMs),
});
const LAST_WEEK_MS = YEAR.endMs - 7 * DAY_MS - SINCE_MIDNIGHT_MS;
const lastDays = (days: number) => before(YEAR.endMs, days);
const ALMOST_A_YEAR = 360;

function summary(
  name: string,
  days: number,
  groupBy: usageV1.Dimension[] = [],
  scope: usageV1.UsageScope = {},
  quantiles = groupBy.length === 0,
  endMs: number = YEAR.endMs,
): Question {
  return {
    name: `${name}${quantiles ? ', with quantiles' : ''}, ${days} days`,
    ask: async (usage) => {
      const { groups, groupCount } = await usage.summarise({
        ...before(endMs, days),
        groupBy,
        scope,
        limit: 1_000,
        quantiles,
      });
      return groupBy.length === 0 ? 1 : Math.min(groups.length, groupCount);
    },
  };
}

interface SeriesOf {
  readonly days: number;
  readonly step: usageV1.Step;
  readonly timeZone: string;
  readonly groupBy?: usageV1.Dimension[];
  readonly scope?: usageV1.UsageScope;
}

function series(name: string, { days, groupBy = [], scope = {}, ...rest }: SeriesOf): Question {
  return {
    name: `${name}, ${rest.timeZone}, ${days} days`,
    ask: async (usage, signal) => {
      let count = 0;
      for await (const { points } of usage.getSeries({ ...lastDays(days), groupBy, scope, ...rest }, signal))
        count += points.length;
      return count;
    },
  };
}

export const QUESTIONS: readonly Question[] = [
  summary('summary', ALMOST_A_YEAR),
  summary('summary of a tenant', ALMOST_A_YEAR, [], { tenantId: accountId(0) }),
  summary('summary of a client key', ALMOST_A_YEAR, [], { clientKeyId: clientKeyId(0, 0) }),
  summary('by model', ALMOST_A_YEAR, [MODEL], {}, true),
  summary('by site and model', ALMOST_A_YEAR, [SITE, MODEL]),
  summary('by provider', ALMOST_A_YEAR, [PROVIDER], {}, true),
  summary('by tenant', ALMOST_A_YEAR, [TENANT]),
  summary('by tenant', ALMOST_A_YEAR, [TENANT], {}, true),
  summary('by client key', ALMOST_A_YEAR, [CLIENT_KEY]),
  summary('by upstream key', ALMOST_A_YEAR, [PROVIDER, UPSTREAM_KEY]),
  summary('by upstream key, until last week', ALMOST_A_YEAR, [PROVIDER, UPSTREAM_KEY], {}, false, LAST_WEEK_MS),
  summary('a tenant by model', ALMOST_A_YEAR, [MODEL], { tenantId: accountId(0) }),
  summary('by tenant', 1, [TENANT]),
  summary('by upstream key', 1, [PROVIDER, UPSTREAM_KEY]),
  series('by day', { days: ALMOST_A_YEAR, step: DAY, timeZone: 'UTC' }),
  series('by day', { days: ALMOST_A_YEAR, step: DAY, timeZone: 'America/New_York' }),
  series('by day', { days: ALMOST_A_YEAR, step: DAY, timeZone: 'Asia/Kathmandu' }),
  series('by day, a tenant', {
    days: ALMOST_A_YEAR,
    step: DAY,
    timeZone: 'America/New_York',
    scope: { tenantId: accountId(0) },
  }),
  series('by day and model', { days: ALMOST_A_YEAR, step: DAY, timeZone: 'UTC', groupBy: [MODEL] }),
  series('by day and model', { days: 90, step: DAY, timeZone: 'America/New_York', groupBy: [MODEL] }),
  series('by hour', { days: 7, step: HOUR, timeZone: 'Europe/Berlin' }),
  series('by hour and model', { days: 7, step: HOUR, timeZone: 'Asia/Kolkata', groupBy: [MODEL] }),
  series('by hour', { days: 90, step: HOUR, timeZone: 'Europe/Berlin' }),
  series('by hour', { days: ALMOST_A_YEAR, step: HOUR, timeZone: 'Europe/Berlin' }),
];
