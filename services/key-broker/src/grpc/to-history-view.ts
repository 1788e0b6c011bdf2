import type { keyAdminV1 } from '@omg/proto-gen';
import type { HistoryRecord } from '../app/pool-store.ts';

export function toHistoryView(record: HistoryRecord): keyAdminV1.HistoryView {
  const { keyId, cause, from, to, generation, actor, atMs, message = '' } = record;
  return { keyId, cause, from, to, generation, actor, at: new Date(atMs), message };
}
