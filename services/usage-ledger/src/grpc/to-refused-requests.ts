import type { usageV1 } from '@omg/proto-gen';
import type { RefusalSum } from '../app/refusal-ports.ts';
import { DIALECT } from './to-request-log.ts';

export function toRefusedRequests({
  tenantId = '',
  clientKeyId = '',
  dialect,
  status,
  ...same
}: RefusalSum): usageV1.RefusedRequests {
  return { ...same, tenantId, clientKeyId, dialect: DIALECT[dialect], statusCode: status };
}
