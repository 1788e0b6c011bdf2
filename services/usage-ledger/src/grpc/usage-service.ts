import { bindService, type BoundService } from '@omg/grpc';
import { usageV1 } from '@omg/proto-gen';
import { nextTurn } from '@omg/service';
import type { RefusalPage, RefusalPageQuery } from '../app/list-refusals.ts';
import type { QueryLogs } from '../app/query-logs.ts';
import type { SeriesPoint, SeriesQuestion } from '../app/questions/series.ts';
import type { Summary, SummaryQuestion } from '../app/questions/summarise.ts';
import type { Figures } from '../domain/figures.ts';
import { parseDimensions, parseLogQuery, parseRange, parseScope, parseStep } from './parse-question.ts';
import { toRefusedRequests } from './to-refused-requests.ts';
import { toRequestLog } from './to-request-log.ts';
import { toSums } from './to-sums.ts';

export interface UsageUseCases {
  readonly queryLogs: QueryLogs;
  readonly summarise: (question: SummaryQuestion) => Promise<Summary>;
  readonly series: (question: SeriesQuestion) => Promise<Iterable<SeriesPoint>>;
  readonly listRefusals: (query: RefusalPageQuery) => Promise<RefusalPage>;
}

/** Whoever asks reads them while the next ones are made. */
const POINTS_AT_ONCE = 250;

export function usageService({ queryLogs, summarise, series, listRefusals }: UsageUseCases): BoundService {
  return bindService(usageV1.UsageService, {
    getLog: async ({ requestId }) => ({ log: toRequestLog(await queryLogs.get(requestId)) }),
    listLogs: async (request) => {
      const page = await queryLogs.list(parseLogQuery(request));
      return { logs: page.logs.map(toRequestLog), nextPageToken: page.nextPageToken };
    },
    tailLogs: async (request) => {
      const page = await queryLogs.tail(parseLogQuery(request));
      return { logs: page.logs.map(toRequestLog), nextPageToken: page.nextPageToken };
    },
    summarise: async ({ scope, groupBy, limit, quantiles, ...range }) => {
      const asked = {
        ...parseRange(range),
        scope: parseScope(scope),
        groupBy: parseDimensions(groupBy),
        limit,
        quantiles,
      };
      const { fromMs, toMs, total, groups, groupCount } = await summarise(asked);
      return {
        from: new Date(fromMs),
        to: new Date(toMs),
        total: toSums(total),
        groups: groups.map(({ values, ...sums }) => ({ values: [...values], sums: toSums(sums) })),
        groupCount,
      };
    },
    async *getSeries({ scope, groupBy, step, timeZone, ...range }) {
      const points = await series({
        ...parseRange(range),
        step: parseStep(step),
        zone: timeZone || 'UTC',
        scope: parseScope(scope),
        groupBy: parseDimensions(groupBy),
      });
      let part: usageV1.SeriesPoint[] = [];
      for (const point of points) {
        if (part.length === POINTS_AT_ONCE) {
          yield { points: part };
          part = [];
          // what is written is sent, and others are served, between two parts
          await nextTurn();
        }
        part.push(toPoint(point));
      }
      yield { points: part };
    },
    listRefusals: async (request) => {
      const { refusals, nextPageToken } = await listRefusals(request);
      return { refusals: refusals.map(toRefusedRequests), nextPageToken };
    },
  });
}

function toPoint({ fromMs, toMs, total, groups }: SeriesPoint): usageV1.SeriesPoint {
  const sumsOf = (figures: Figures): usageV1.Sums => toSums({ figures, timings: undefined });
  return {
    from: new Date(fromMs),
    to: new Date(toMs),
    total: sumsOf(total),
    groups: groups.map(({ values, figures }) => ({ values: [...values], sums: sumsOf(figures) })),
  };
}
