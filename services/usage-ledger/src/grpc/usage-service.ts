import { bindService, type BoundService } from '@omg/grpc';
import { usageV1 } from '@omg/proto-gen';
import type { QueryLogs } from '../app/query-logs.ts';
import { toRequestLog } from './to-request-log.ts';

export function usageService(useCases: { readonly queryLogs: QueryLogs }): BoundService {
  return bindService(usageV1.UsageService, {
    getLog: async ({ requestId }) => ({ log: toRequestLog(await useCases.queryLogs.get(requestId)) }),
    listLogs: async ({ pageSize, pageToken, tenantId, clientKeyId, site }) => {
      const page = await useCases.queryLogs.list({ pageSize, pageToken, tenantId, clientKeyId, site });
      return { logs: page.logs.map(toRequestLog), nextPageToken: page.nextPageToken };
    },
  });
}
